import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSteps, cursorRanges, noBatches, noBranches } from "@tasker-host/sdk";

describe("`cursorRanges()`", () => {
  it("covers every item once, in order, with at most as many workers as asked for", () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.integer({ min: 1, max: 60 }), (total, workers) => {
        const ranges = cursorRanges(total, workers);
        expect(ranges.length).toBeLessThanOrEqual(workers);
        let next = 0;
        for (const range of ranges) {
          expect(range.start_cursor).toBe(next);
          expect(range.batch_size).toBeGreaterThan(0);
          next += range.batch_size;
          expect(range.end_cursor).toBe(next);
        }
        expect(next).toBe(total);
      }),
    );
  });

  it("names workers 001, 002, …", () => {
    expect(cursorRanges(1_000, 5).map(({ batch_id: id }) => id)).toEqual(["001", "002", "003", "004", "005"]);
  });
});

describe("helpers of decisions and batches", () => {
  it("say what they chose in orchestration's words", () => {
    expect(createSteps(["a"]).result).toEqual({ decision_point_outcome: { type: "create_steps", step_names: ["a"] } });
    expect(noBranches({ why: "small" }).result).toEqual({
      decision_point_outcome: { type: "no_branches" },
      routing_context: { why: "small" },
    });
    expect(noBatches({ rows: 0 }).result).toEqual({ rows: 0, batch_processing_outcome: { type: "no_batches" } });
  });
});
