import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentize } from "componentize-qjs";
import { WORLD } from "../world.ts";
import { deterministicQuickJsRuntime } from "./quickjs-runtime.ts";

/** The script's name in QuickJS's stack traces. */
export const QUICKJS_SCRIPT = "componentize-qjs:user.js";

let runtime: Buffer | undefined;

/** A component of `script` on QuickJS, its top level run and the memory afterwards kept. Throws what the top level throws. */
export async function componentizeOnQuickJs(script: string, world: string): Promise<Uint8Array> {
  runtime ??= deterministicQuickJsRuntime();
  const folder = await mkdtemp(join(tmpdir(), "tasker-build-"));
  try {
    const witPath = join(folder, "handler.wit");
    await writeFile(witPath, world);
    // `stubWasi` would nest components with three memories between them; the host answers WASI itself.
    const { component } = await componentize({ witPath, jsSource: script, world: WORLD, runtimeBytes: runtime });
    return component;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
