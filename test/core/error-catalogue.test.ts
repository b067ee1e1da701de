import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ERROR_CATALOGUE, type ErrorEntry } from "../../src/core/errors/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const entries: readonly (readonly [code: string, entry: ErrorEntry])[] = Object.entries(ERROR_CATALOGUE);
const sources = globSync(["src/**/*.ts", "toolchain/src/**/*.ts", "bin/*.mjs", "migrations/**/*.sql"], { cwd: ROOT })
  .filter((file) => !file.startsWith("src/core/errors/"))
  .map((file) => readFileSync(join(ROOT, file), "utf8"))
  .join("\n");

describe("the error catalogue", () => {
  it("holds no code that nothing uses", () => {
    expect(entries.map(([code]) => code).filter((code) => !sources.includes(code))).toEqual([]);
  });

  it("holds every code that the host, the toolchain and the database use", () => {
    // `TSK_TEMPLATE_…` in a comment stands for several.
    const used = new Set(sources.match(/\bTSK_[A-Z]+(_[A-Z0-9]+)+(?!_)\b/g));
    expect([...used].filter((code) => !(code in ERROR_CATALOGUE))).toEqual([]);
  });

  it.each(entries)("%s is written in sentences without a final period", (_, { summary, remedy }) => {
    for (const sentence of [summary, remedy]) {
      expect(sentence).toMatch(/^[A-Z`]/);
      expect(sentence).not.toMatch(/[.!\s]$/);
    }
  });
});
