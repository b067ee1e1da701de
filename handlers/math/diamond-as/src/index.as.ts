/** The two branches of the diamond, in AssemblyScript; its ends are in ../diamond-ts. */
import { Json, Outcome, register, StepContext, success } from "@tasker-host/sdk-assemblyscript";

register("diamond_as.add", (step: StepContext): Outcome => result(start(step) + 25));

register("diamond_as.double", (step: StepContext): Outcome => result(start(step) * 2));

function start(step: StepContext): i64 {
  return step.dependency("diamond_start").get("result").asI64();
}

function result(value: i64): Outcome {
  return success(Json.object().set("result", Json.int(value)));
}
