import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A handler's folder in a temporary place, gone when it is disposed of. */
export interface TemporaryHandler extends AsyncDisposable {
  readonly folder: string;
  write(file: string, text: string): Promise<void>;
}

export const SETTINGS = `name = "temporary"\nversion = "1.0.0"\nlanguage = "typescript"\nentry = "src/index.ts"\n`;

/** Writes `files` (path → text) into a new folder; `handler.toml` and an entry that works where they are not given. */
export async function writeHandler(files: Readonly<Record<string, string>> = {}): Promise<TemporaryHandler> {
  const folder = await mkdtemp(join(tmpdir(), "tasker-handler-"));
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  };
  const all = {
    "handler.toml": SETTINGS,
    "src/index.ts": `import { defineHandlers } from "@tasker-host/sdk";\nexport default defineHandlers({ one: () => 1 });\n`,
    ...files,
  };
  for (const [file, text] of Object.entries(all)) await write(file, text);
  return { folder, write, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
