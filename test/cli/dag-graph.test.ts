import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawDag } from "../../src/host/cli/dag-graph.ts";
import { orderDag } from "../../src/host/cli/dag-order.ts";

/** The drawing of a DAG that is given as step → what it depends on. */
function draw(dag: Readonly<Record<string, readonly string[]>>): string {
  const steps = Object.entries(dag).map(([name, dependsOn]) => ({ name, dependsOn }));
  const rows = drawDag(orderDag(steps)).map((row) =>
    row.step === undefined ? row.before : `${row.before}●${row.after} ${row.step}`,
  );
  return `\n${rows.join("\n")}\n`;
}

describe("drawDag()", () => {
  it("puts a chain into one lane", () => {
    expect(draw({ a: [], b: ["a"], c: ["b"] })).toBe(`
● a
● b
● c
`);
  });

  it("leaves out dependencies that others imply", () => {
    expect(draw({ a: [], b: ["a"], c: ["a", "b"], d: ["a", "b", "c"] })).toBe(
      draw({ a: [], b: ["a"], c: ["b"], d: ["c"] }),
    );
  });

  it("forks and joins a diamond", () => {
    expect(draw({ start: [], left: ["start"], right: ["start"], end: ["left", "right"] })).toBe(`
● start
├─╮
● │ left
│ ● right
├─╯
● end
`);
  });

  it("crosses lanes that pass through", () => {
    expect(
      draw({
        init: [],
        l: ["init"],
        r: ["init"],
        validate: ["l", "r"],
        transform: ["l"],
        analyze: ["r"],
        done: ["validate", "transform", "analyze"],
      }),
    ).toBe(`
● init
├─╮
● │ l
├─┼─╮
● │ │ transform
│ ● │ r
│ ├─┼─╮
│ ├─╯ │
│ ●   │ validate
│ │   ● analyze
├─┴───╯
● done
`);
  });

  it("gives each root a lane, and none right below a step that leads nowhere", () => {
    expect(draw({ a: [], b: ["a"], c: [], d: ["c"] })).toBe(`
● a
● b
  ● c
  ● d
`);
  });

  it("lists steps without lines where nothing is known of their dependencies, or where there are too many lanes", () => {
    expect(draw({ a: [], b: [] })).toBe("\n● a\n● b\n");
    const many = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const wide = { root: [], ...Object.fromEntries(many.map((name) => [name, ["root"]])) };
    expect(draw(wide)).toBe(`\n${["root", ...many].map((name) => `● ${name}`).join("\n")}\n`);
  });
});

describe("orderDag()", () => {
  const anyDag = fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 }).map((parents) =>
    parents.map((list, index) => ({
      name: `s${index}`,
      dependsOn: [...new Set(list.filter((parent) => parent < index).map((parent) => `s${parent}`))],
    })),
  );

  it("lists every step once, after all that it depends on", () => {
    fc.assert(
      fc.property(anyDag, (steps) => {
        const names = orderDag(steps.toReversed()).map(({ name }) => name);
        expect(names.toSorted()).toEqual(steps.map(({ name }) => name).toSorted());
        for (const { name, dependsOn } of steps) {
          for (const parent of dependsOn) expect(names.indexOf(parent)).toBeLessThan(names.indexOf(name));
        }
      }),
    );
  });

  it("keeps what is reachable when it leaves dependencies out", () => {
    fc.assert(
      fc.property(anyDag, (steps) => {
        expect(reachable(orderDag(steps))).toEqual(reachable(steps));
      }),
    );
  });

  it("finishes a branch before it begins the next", () => {
    const steps = { a: [], b1: ["a"], c1: ["a"], b2: ["b1"], c2: ["c1"] };
    const names = orderDag(Object.entries(steps).map(([name, dependsOn]) => ({ name, dependsOn }))).map(
      ({ name }) => name,
    );
    expect(names).toEqual(["a", "b1", "b2", "c1", "c2"]);
  });
});

/** Every step with all that come before it, sorted. */
function reachable(steps: readonly { name: string; dependsOn: readonly string[] }[]): Record<string, string[]> {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const before = (name: string): string[] =>
    (byName.get(name)?.dependsOn ?? []).flatMap((parent) => [parent, ...before(parent)]);
  const names = steps.map(({ name }) => name).toSorted();
  return Object.fromEntries(names.map((name) => [name, [...new Set(before(name))].toSorted()]));
}
