/** A step that returns its input. */
import { Outcome, register, StepContext, success } from "@tasker-host/sdk-assemblyscript";

register("echo", (step: StepContext): Outcome => success(step.input));
