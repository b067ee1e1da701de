/** Handlers under test: the door for the SDK's `testing` module. */
export { loadConfig } from "../config/load-config.ts";
export { jsonTextOf } from "../domain/json-text.ts";
export { type ExactValue, isObject, SpelledNumber } from "./exact-values.ts";
export type { FixtureStep } from "./fixture.ts";
export { outcomeValue } from "./outcome-value.ts";
export { AuthorsSandbox, type SandboxedHandler } from "./sandboxed-handler.ts";
