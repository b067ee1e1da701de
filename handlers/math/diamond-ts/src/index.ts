/** The two ends of the diamond, in TypeScript; its branches are in ../diamond-as. */
import { defineHandlers } from "@tasker-host/sdk";
import { average, square } from "./sums.ts";

/** What each step of the diamond returns, whatever language it is written in. */
interface Step {
  readonly result: number;
}

export default defineHandlers({
  "diamond_ts.start": (step) => ({ result: square(Number(step.input["even_number"])) }),
  "diamond_ts.end": (step) => {
    const b = step.dependency<Step>("diamond_branch_b");
    const c = step.dependency<Step>("diamond_branch_c");
    return { result: average(b.result, c.result) };
  },
});
