/**
 * Write Tasker step handlers: functions from a step's context to its result.
 *
 * ```ts
 * import { defineHandlers } from "@tasker-host/sdk";
 *
 * export default defineHandlers({
 *   "greeting.say": (step) => ({ text: `Hello, ${step.input["name"]}` }),
 * });
 * ```
 */
export {
  batchShare,
  type BatchResult,
  type BatchShare,
  createBatches,
  type CursorConfig,
  cursorRanges,
  noBatches,
} from "./batch.ts";
export { createSteps, type DecisionResult, noBranches } from "./decision.ts";
export { type FailureDetails, PermanentError, RetryableError, type RetryDetails } from "./errors.ts";
export { defineHandlers, handler, type Handler, type HandlerFunction, type Handlers } from "./handlers.ts";
export { ExactNumber } from "./json/exact-number.ts";
export type { JsonObject, JsonValue } from "./json/json-value.ts";
export { log, type LogLevel } from "./log.ts";
export {
  CheckpointYield,
  checkpointYield,
  Failure,
  failure,
  type Outcome,
  permanent,
  retryable,
  Success,
  success,
} from "./outcome.ts";
export type { OutputOf, Schema } from "./schema.ts";
export type { Checkpoint, StepContext } from "./step-context.ts";
