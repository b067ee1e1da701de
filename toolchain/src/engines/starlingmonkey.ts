import { componentize } from "@bytecodealliance/componentize-js";
import { WORLD } from "../world.ts";

/** The script's name in StarlingMonkey's stack traces. */
export const STARLINGMONKEY_SCRIPT = "source.js";

const OPTIONS = { worldName: WORLD, disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"] };

/**
 * A component of `script` on StarlingMonkey (SpiderMonkey), without any WASI import. Throws what the top level throws.
 * Unlike the other engines' its bytes differ from build to build: the engine seeds its hash tables while it is run.
 */
export async function componentizeOnStarlingMonkey(script: string, world: string): Promise<Uint8Array> {
  // With a `sourcePath` it would write the script there, and `witPath` fails in this version: texts only.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the declared `sourcePath` is not needed beside a text
  const { component } = await componentize(script, world, OPTIONS as Parameters<typeof componentize>[2]);
  return component;
}
