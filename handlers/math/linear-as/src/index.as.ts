/** The linear workflow in AssemblyScript: n² → +10 → ×3 → ÷2. */
import { Json, Outcome, permanent, register, StepContext, success } from "@tasker-host/sdk-assemblyscript";

register("linear_as.square", (step: StepContext): Outcome => {
  const n = step.input.get("even_number").asI64();
  if (n % 2 != 0) {
    return permanent("Cannot start the sequence: even_number is " + n.toString() + ", wanted an even integer").withType(
      "validation_error",
    );
  }
  return result(Json.int(n * n));
});

register("linear_as.add", (step: StepContext): Outcome => result(Json.int(before(step, "linear_step_1") + 10)));

register("linear_as.multiply", (step: StepContext): Outcome => result(Json.int(before(step, "linear_step_2") * 3)));

register("linear_as.divide", (step: StepContext): Outcome => {
  return result(Json.num(<f64>before(step, "linear_step_3") / 2));
});

function before(step: StepContext, stepName: string): i64 {
  return step.dependency(stepName).get("result").asI64();
}

function result(value: Json): Outcome {
  return success(Json.object().set("result", value));
}
