/**
 * A run as the head and blobs of a frame. Documents travel as blobs: JSON text inside JSON would be escaped and scanned twice
 * on its way.
 */
import type { RunLimits } from "../limits.ts";
import type { RunReport } from "../outcome.ts";
import type { StepContext } from "../step-context.ts";

/** Host → sandbox process. Blobs are numbered over the whole frame. */
export type ToSandbox =
  /** The artifact is the blob. */
  | { readonly kind: "load"; readonly digest: string }
  /** The source map is the blob. */
  | { readonly kind: "source-map"; readonly digest: string }
  | { readonly kind: "unload"; readonly digest: string }
  | { readonly kind: "runs"; readonly runs: readonly WireRun[] };

export function isToSandbox(head: unknown): head is ToSandbox {
  return typeof head === "object" && head !== null && "kind" in head;
}

/** A run without its documents; `blobs` is the number of its first blob. */
export interface WireRun {
  readonly id: number;
  readonly digest: string;
  readonly limits: RunLimits;
  readonly context: SmallContext;
  readonly blobs: number;
}

type Documents = "contextJson" | "inputsJson" | "configJson" | "dependencyResults" | "checkpoint";

type SmallContext = Omit<StepContext, Documents> & {
  readonly dependencies: readonly string[];
  readonly checkpoint: { readonly itemsProcessed: number; readonly accumulated: boolean } | undefined;
};

/** Sandbox process → host, checked by `report-schema.ts` on arrival. One frame may end one run and start the next. */
export interface FromSandbox {
  /** Without its texts: they are the blobs (`report-texts.ts`). */
  readonly done?: { readonly id: number; readonly report: RunReport } | undefined;
  readonly started?: number | undefined;
}

/** Puts the documents of a run behind those that are there already. */
export function encodeRun(
  id: number,
  { digest, context, limits }: { digest: string; context: StepContext; limits: RunLimits },
  blobs: Buffer[],
): WireRun {
  const { contextJson, inputsJson, configJson, dependencyResults, checkpoint, ...small } = context;
  const first = blobs.length;
  const documents = [contextJson, inputsJson, configJson, ...dependencyResults.map(({ resultJson }) => resultJson)];
  if (checkpoint !== undefined) documents.push(checkpoint.cursorJson, checkpoint.accumulatedJson ?? "");
  for (const text of documents) blobs.push(Buffer.from(text));
  const accumulated = checkpoint?.accumulatedJson !== undefined;
  return {
    id,
    digest,
    limits,
    blobs: first,
    context: {
      ...small,
      dependencies: dependencyResults.map(({ stepName }) => stepName),
      checkpoint: checkpoint === undefined ? undefined : { itemsProcessed: checkpoint.itemsProcessed, accumulated },
    },
  };
}

export function decodeContext(run: WireRun, blobs: readonly Buffer[]): StepContext {
  let next = run.blobs;
  const document = (): string => (blobs[next++] ?? Buffer.alloc(0)).toString("utf8");
  const { dependencies, checkpoint, ...small } = run.context;
  const [contextJson, inputsJson, configJson] = [document(), document(), document()];
  const dependencyResults = dependencies.map((stepName) => ({ stepName, resultJson: document() }));
  if (checkpoint === undefined) return { ...small, contextJson, inputsJson, configJson, dependencyResults };
  const { itemsProcessed, accumulated } = checkpoint;
  const cursorJson = document();
  const words = { cursorJson, itemsProcessed, accumulatedJson: accumulated ? document() : undefined };
  return { ...small, contextJson, inputsJson, configJson, dependencyResults, checkpoint: words };
}
