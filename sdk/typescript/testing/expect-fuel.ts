import { expect } from "vitest";

/**
 * Holds what a run cost against the snapshot: exact, because fuel depends on nothing but the component and its input. The first
 * run writes the snapshot, `tasker-host test --update` (`vitest -u`) writes it anew; a change fails with both figures.
 *
 * @param name tells several snapshots of one test apart
 */
export function expectFuel(run: { readonly fuel: number }, name = "fuel"): void {
  try {
    expect(run.fuel).toMatchSnapshot(name);
  } catch (error) {
    const before = Number(snapshotOf(error));
    if (!Number.isSafeInteger(before)) throw error;
    const change = before === 0 ? "" : `, ${signed(((run.fuel - before) / before) * 100)} %`;
    throw Object.assign(
      new Error(
        `Fuel changed: ${before.toLocaleString("en-US")} → ${run.fuel.toLocaleString("en-US")} ` +
          `(${signed(run.fuel - before)}${change}). Intended? Update with \`tasker-host test --update\`, or \`vitest -u\``,
        { cause: error },
      ),
      { actual: run.fuel, expected: before },
    );
  }
}

/** What vitest says was in the snapshot. */
function snapshotOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "expected" in error ? error.expected : undefined;
}

function signed(value: number): string {
  const text = Number.isInteger(value) ? value.toLocaleString("en-US") : value.toPrecision(3);
  return value > 0 ? `+${text}` : text;
}
