/** The linear workflow: n² → +10 → ×3 → ÷2. */
import { defineHandlers, PermanentError, type StepContext } from "@tasker-host/sdk";
import { add, divide, multiply, square } from "./sequence.ts";

/** What each step returns. */
interface Step {
  readonly result: number;
}

export default defineHandlers({
  "linear_ts.square": (step) => ({ result: square(evenNumber(step)) }),
  "linear_ts.add": (step) => ({ result: add(step.dependency<Step>("linear_step_1").result) }),
  "linear_ts.multiply": (step) => ({ result: multiply(step.dependency<Step>("linear_step_2").result) }),
  "linear_ts.divide": (step) => ({ result: divide(step.dependency<Step>("linear_step_3").result) }),
});

function evenNumber({ input }: StepContext): number {
  const { even_number: value } = input;
  if (typeof value === "number" && Number.isSafeInteger(value) && value % 2 === 0) return value;
  throw new PermanentError(
    `Cannot start the sequence: even_number is ${JSON.stringify(value)}, wanted an even integer`,
    {
      errorType: "validation_error",
    },
  );
}
