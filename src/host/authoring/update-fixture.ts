import { writeFile } from "node:fs/promises";
import { type ExactValue, exactJson, isObject, parseExactValue } from "./exact-values.ts";
import { outcomeValue } from "./outcome-value.ts";
import type { FixtureRun } from "./run-fixture.ts";

/**
 * Writes what came out into the fixture: where it expected nothing or another kind of outcome, the whole outcome; else only
 * the members that differ, so that an expectation that names few members keeps naming few.
 */
export async function updateFixture({ fixture, report, differences }: FixtureRun): Promise<void> {
  const document = parseExactValue(fixture.text);
  if (!isObject(document)) return;
  const outcome = outcomeValue(report.outcome);
  const before = isObject(document["expect"]) ? document["expect"] : undefined;
  const ofAnotherKind = differences.some(({ path }) => path === "outcome");
  const fuel = { ...(fixture.expect?.fuel !== undefined && { fuel: report.usage.fuelUsed }) };
  const logs = differences.some(({ keys }) => keys[0] === "logs") && {
    logs: report.logs.map(({ level, message }) => ({ level, message })),
  };
  const expect =
    before === undefined || ofAnotherKind
      ? { ...outcome, ...(before?.["logs"] !== undefined && { logs: before["logs"] }), ...fuel }
      : { ...withDifferences(before, differences), ...logs, ...fuel };
  await writeFile(fixture.path, `${exactJson({ ...document, expect }, 2)}\n`);
}

function withDifferences(
  expect: { readonly [key: string]: ExactValue },
  differences: FixtureRun["differences"],
): { readonly [key: string]: ExactValue } {
  let updated: ExactValue = expect;
  for (const { keys, actual } of differences) {
    if (keys[0] !== "logs") updated = replaced(updated, keys, actual);
  }
  return isObject(updated) ? updated : expect;
}

function replaced(value: ExactValue, keys: readonly (string | number)[], by: ExactValue | undefined): ExactValue {
  const [key, ...rest] = keys;
  if (key === undefined) return by ?? null;
  if (Array.isArray(value)) return value.map((item, index) => (index === key ? replaced(item, rest, by) : item));
  if (!isObject(value) || typeof key !== "string") return value;
  const { [key]: member = null, ...others } = value;
  if (rest.length === 0 && by === undefined) return others;
  return { ...value, [key]: replaced(member, rest, by) };
}
