import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { FUEL_SCHEDULE, METER_LIMITS } from "../../../src/runtime/prepare/meter/index.ts";

const text = readFileSync(resolve(import.meta.dirname, "../../../docs/fuel.md"), "utf8");

/** The rows "| `key` | number | … |" under a heading, up to the next. */
function table(heading: string): Record<string, number> {
  const [, section = ""] = text.split(`\n## ${heading}`);
  const [part = ""] = section.split("\n## ");
  const rows = part.matchAll(/^\| `(?<key>\w+)` +\| (?<value>\d+) +\|/gm);
  return Object.fromEntries(Array.from(rows, ({ groups }) => [groups?.["key"] ?? "", Number(groups?.["value"])]));
}

describe("docs/fuel.md", () => {
  it("has the schedule's prices under its id", () => {
    const { id, ...prices } = FUEL_SCHEDULE;
    expect(table(`Schedule \`${id}\``)).toEqual(prices);
  });

  it("has the default caps", () => {
    expect(table("What is admitted")).toEqual(METER_LIMITS);
  });
});
