import { BuildError, messageOf } from "./build-error.ts";
import { bundle, SDK_VERSION } from "./bundle.ts";
import { makeFromAssemblyScript } from "./engines/assemblyscript.ts";
import { componentizeOnQuickJs, QUICKJS_SCRIPT } from "./engines/quickjs.ts";
import { componentizeOnStarlingMonkey, STARLINGMONKEY_SCRIPT } from "./engines/starlingmonkey.ts";
import { entryModule } from "./entry.ts";
import type { Engine, HandlerConfig } from "./handler-config.ts";
import { coverLineStarts, firstMappedFrame, type SourceMapV3 } from "./source-map.ts";
import { worldText } from "./world.ts";

/** A component and all that is known of how it came about. */
export interface MadeComponent {
  readonly component: Uint8Array;
  readonly map: SourceMapV3;
  /** Files that went into it, absolute. */
  readonly files: readonly string[];
}

/** Makes the handler's component. Throws `BuildError`. */
export function makeComponent(config: HandlerConfig): Promise<MadeComponent> {
  return MAKERS[config.engine](config);
}

const MAKERS: Readonly<Record<Engine, (config: HandlerConfig) => Promise<MadeComponent>>> = {
  quickjs: (config) =>
    makeFromScript(config, {
      u64: "number",
      mayWait: false,
      scriptName: QUICKJS_SCRIPT,
      componentize: componentizeOnQuickJs,
    }),
  starlingmonkey: (config) =>
    makeFromScript(config, {
      u64: "bigint",
      mayWait: true,
      scriptName: STARLINGMONKEY_SCRIPT,
      componentize: componentizeOnStarlingMonkey,
    }),
  none: makeFromAssemblyScript,
};

interface ScriptEngine {
  readonly u64: "number" | "bigint";
  readonly mayWait: boolean;
  /** The script's name in stack traces. */
  readonly scriptName: string;
  readonly componentize: (script: string, world: string) => Promise<Uint8Array>;
}

async function makeFromScript(config: HandlerConfig, engine: ScriptEngine): Promise<MadeComponent> {
  const entry = entryModule(config, SDK_VERSION, { u64: engine.u64, mayWait: engine.mayWait });
  const { code, map, files } = await bundle(config, entry);
  const named: SourceMapV3 = { ...coverLineStarts(map), file: engine.scriptName };
  try {
    const component = await engine.componentize(code, worldText(["log", ...config.capabilities]));
    return { component, map: named, files };
  } catch (error) {
    throw error instanceof BuildError ? error : evaluationError(named, error);
  }
}

/** The componentizers report what the script's top level threw as text, stack included. */
function evaluationError(map: SourceMapV3, error: unknown): BuildError {
  const text = messageOf(error);
  return new BuildError(
    {
      code: "TSK_BUILD_EVALUATION",
      attempted: "Cannot run the handler's top level",
      found: text.replace(/^[:\s]+/, "").trimEnd(),
      accepted: "an entry whose default export is defineHandlers(…), and whose top level does not throw",
      ...firstMappedFrame(map, text),
    },
    { cause: error },
  );
}
