/**
 * Write Tasker step handlers in AssemblyScript: functions from a step's context to its outcome.
 *
 * ```ts
 * import { Json, Outcome, register, StepContext, success } from "@tasker-host/sdk-assemblyscript";
 *
 * register("greeting.say", (step: StepContext): Outcome => {
 *   return success(Json.object().set("text", Json.str("Hello, " + step.input.get("name").asString())));
 * });
 * ```
 */
export { Handler, register } from "./handlers";
export { Json, JsonKind } from "./json";
export { log } from "./log";
export { checkpointYield, Failure, failure, Outcome, permanent, retryable, success } from "./outcome";
export { Attribute, Checkpoint, DependencyResult, StepContext } from "./step-context";
