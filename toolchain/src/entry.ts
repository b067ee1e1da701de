import type { HandlerConfig } from "./handler-config.ts";
import { interfaceName } from "./world.ts";

/** What the components of an engine have in their entry. */
export interface EntryTraits {
  /** How the engine takes and gives a u64. */
  readonly u64: "number" | "bigint";
  /** Whether `handle` may return one of the engine's promises. */
  readonly mayWait: boolean;
}

/**
 * The module that the component's world exports: globals first, so that the author's modules meet them, then the
 * author's entry, served.
 */
export function entryModule(config: HandlerConfig, sdkVersion: string, traits: EntryTraits): string {
  const options = { name: config.name, version: config.version, sdk: `typescript/${sdkVersion}`, ...traits };
  return [
    `import "@tasker-host/sdk/component/globals";`,
    `import * as hostLog from ${JSON.stringify(interfaceName("log"))};`,
    `import { serve } from "@tasker-host/sdk/component";`,
    `import handlers from ${JSON.stringify(`./${config.entry}`)};`,
    `const log = (level, message, fields) => (hostLog.log ?? hostLog.default.log)(level, message, fields);`,
    // `var`: behind a `throw` of the author's top level the bundler leaves everything out but such a name. With `const` the engine
    // would find an export without a variable and refuse the script before it gets to what was thrown.
    `export var stepHandler = serve(handlers, { ...${JSON.stringify(options)}, log });`,
    "",
  ].join("\n");
}
