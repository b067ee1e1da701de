import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GraphStep, graphProblems } from "../../src/host/domain/step-graph.ts";

/** Steps `s0` … `sn`, each depending on some before it: no circle by construction. */
const acyclic = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 30 }).map((picks) =>
  picks.map((before, index): GraphStep => ({
    name: `s${index}`,
    dependencies: [...new Set(index === 0 ? [] : before.map((pick) => `s${pick % index}`))],
  })),
);

describe("`graphProblems()`", () => {
  it("finds nothing in graphs without a circle, whatever the order of steps", () => {
    fc.assert(
      fc.property(acyclic, fc.infiniteStream(fc.nat()), (steps, picks) => {
        const shuffled = [...steps].sort(() => (picks.next().value % 3) - 1);
        expect(graphProblems(shuffled)).toEqual([]);
      }),
    );
  });

  it("finds a circle that is really there, wherever it is closed", () => {
    fc.assert(
      fc.property(acyclic, fc.nat(), fc.nat(), (steps, pickFrom, pickTo) => {
        const to = pickTo % steps.length;
        const from = pickFrom % (to + 1);
        // The first of a chain from `from` to `to` now waits for the last.
        const chained = steps.map((step, index) => {
          const added = index > from && index <= to ? [`s${index - 1}`] : index === from ? [`s${to}`] : [];
          return { ...step, dependencies: [...new Set([...step.dependencies, ...added])] };
        });
        const [problem] = graphProblems(chained);
        const names = problem?.kind === "cycle" ? problem.names : [];
        expect(names.length).toBeGreaterThan(1);
        expect(names[0]).toBe(names.at(-1));
        const byName = new Map(chained.map((step) => [step.name, step.dependencies]));
        for (const [index, name] of names.slice(0, -1).entries()) {
          expect(byName.get(name)).toContain(names[index + 1]);
        }
      }),
    );
  });

  it("takes long chains", () => {
    const steps = Array.from({ length: 20_000 }, (_, index) => ({
      name: `s${index}`,
      dependencies: index === 0 ? [] : [`s${index - 1}`],
    }));
    expect(graphProblems(steps)).toEqual([]);
    expect(graphProblems(steps.reverse())).toEqual([]);
  });
});
