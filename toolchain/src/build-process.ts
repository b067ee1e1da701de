/**
 * A process that builds what it is asked to, one folder a message, until its parent goes. Compilers and engines stay loaded
 * and warm, and neither their time nor their memory is the parent's.
 */
import { BuildError, type BuildErrorFacts, messageOf } from "./build-error.ts";
import { buildHandler } from "./build-handler.ts";
import type { BuildReport } from "./build-report.ts";

/** What the parent sends. */
export interface BuildRequest {
  readonly id: number;
  readonly folder: string;
  /** Build even what is up to date: compilers are loaded by it, and warm. */
  readonly force: boolean;
}

/** What comes back, in the order of the ends of builds. */
export type BuildReply =
  | { readonly id: number; readonly report: BuildReport }
  | { readonly id: number; readonly refused: BuildErrorFacts }
  | { readonly id: number; readonly broken: string };

async function reply({ id, folder, force }: BuildRequest): Promise<BuildReply> {
  try {
    return { id, report: await buildHandler(folder, { force }) };
  } catch (error) {
    if (!(error instanceof BuildError)) return { id, broken: messageOf(error) };
    const { code, attempted, found, accepted, file, line, column } = error;
    return { id, refused: { code, attempted, found, accepted, file, line, column } };
  }
}

process.on("message", (request: BuildRequest) => {
  void reply(request).then((answer) => process.send?.(answer));
});
// Its parent is gone, whatever became of it.
process.on("disconnect", () => process.exit(0));
