import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildHandler } from "@tasker-host/toolchain";
import { loadComponent } from "./support/run-component.ts";

const HANDLERS = join(import.meta.dirname, "../../handlers");

describe("math/linear-ts", () => {
  it.each([
    [6, [36, 46, 138, 69]],
    [8, [64, 74, 222, 111]],
    [10, [100, 110, 330, 165]],
  ])("computes the sequence of %i", async (start, wanted) => {
    const report = await buildHandler(join(HANDLERS, "math/linear-ts"));
    const component = await loadComponent(report.wasmPath);
    const results: number[] = [];
    for (const [index, callable] of report.callables.entries()) {
      const dependencyResults = results.map((result, at) => ({
        stepName: `linear_step_${at + 1}`,
        result: JSON.stringify({ result }),
      }));
      const { outcome } = component.run({ callable, context: `{"even_number":${start}}`, dependencyResults });
      if (outcome.tag !== "success") throw new Error(`step ${index}: ${JSON.stringify(outcome.val)}`);
      results.push(JSON.parse(outcome.val.result).result);
    }
    expect(results).toEqual(wanted);
  });
});
