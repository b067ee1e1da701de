import { describe, expect, it } from "vitest";
import { readSourceMap, type SourceMapReading } from "../../src/runtime/read-source-map.ts";
import { HOSTILE_MAPS } from "./hostile/hostile-maps.ts";
import { cpuMsOf } from "./support/cpu-ms.ts";

/** The host reads maps on its own thread. They take 20 to 60 ms; this machine may have other things to do. */
const MAX_CPU_MS = 400;

const HEAD = `{"version":3,"sources":["a.ts"],"mappings":"AAAA"`;

function found(text: string): string | undefined {
  let reading: SourceMapReading | undefined;
  const cpuMs = cpuMsOf(() => {
    reading = readSourceMap(text);
  });
  expect(cpuMs).toBeLessThan(MAX_CPU_MS);
  return reading?.kind === "unreadable" ? reading.found : undefined;
}

describe("readSourceMap()", () => {
  it.each([
    ["unreadable", "JSON of more than 500000 values"],
    ["values", "JSON of more than 500000 values"],
    ["wrongSources", "JSON of more than 500000 values"],
    ["keys", "JSON of more than 50000 texts and keys"],
    ["depth", "JSON nested more than 8 deep"],
    ["lines", "more than 500000 mappings"],
    ["segments", "more than 500000 mappings"],
    ["segmentsWithoutCommas", `a mapping of more than 5 numbers at 5 of "mappings"`],
    ["numbersOverCommas", `a number without an end at 1 of "mappings"`],
  ] as const)("refuses %s before they cost: %s", (name, problem) => {
    expect(found(HOSTILE_MAPS[name])).toBe(problem);
  });

  it.each([
    ["keys", `${HEAD},${members(49_990)},"pad":"${"p".repeat(7_000_000)}"}`],
    ["sources", `{"version":3,"mappings":"","sources":[${'"\\n",'.repeat(49_000)}"${"\\u0441".repeat(1_300_000)}"]}`],
    ["numbers", `${HEAD},"x":[${"0.123456,".repeat(499_000)}0]}`],
    ["arrays", `${HEAD},"x":[${"[],".repeat(249_000)}0],"pad":"${"p".repeat(7_000_000)}"}`],
    ["mappings", `{"version":3,"sources":[],"mappings":"${"AAAAggggggA,".repeat(499_000)}${"g".repeat(2_300_000)}A"}`],
  ])("reads a map of all the %s that it may have, as fast", (_, text) => {
    expect(Buffer.byteLength(text)).toBeGreaterThan(4_000_000);
    expect(found(text)).toBeUndefined();
  });

  it.each([
    [
      "a wrong source among many",
      `{"version":3,"mappings":"","sources":[${"0,".repeat(490_000)}0]}`,
      `a wrong "sources"`,
    ],
    ["no sources", `{"version":3,"mappings":""}`, `a wrong "sources"`],
    ["mappings that are a list", `{"version":3,"sources":[],"mappings":[]}`, `a wrong "mappings"`],
    ["an ignore list that is none", `${HEAD},"ignoreList":1}`, `a wrong "ignoreList"`],
    [
      "a number without an end",
      `{"version":3,"sources":[],"mappings":"AAg"}`,
      'a number without an end at the end of "mappings"',
    ],
    ["another version", `{"version":2,"sources":[],"mappings":""}`, `a wrong "version"`],
    ["an array", "[]", "no object"],
    ["null", "null", "no object"],
    ["nothing", "", "something that is no JSON"],
    ["more bytes than it may have", `"${"ü".repeat(4_194_304)}"`, "8388610 bytes"],
    ["more characters than it may have", " ".repeat(8_388_609), "8388609 characters"],
  ])("says what it found: %s", (_, text, problem) => {
    expect(found(text)).toBe(problem);
  });

  it("takes what it knows, and no member besides", () => {
    const functions = [{ name: "f", start: 1, sites: [0, 2] }];
    const text = JSON.stringify({
      version: 3,
      sources: ["a.ts", "b.ts"],
      sourceRoot: "src",
      names: [1],
      mappings: "AAAA",
      x_google_ignoreList: [1],
      x_tasker_functions: functions,
      _decodedMemo: {},
    });
    expect(readSourceMap(text)).toEqual({
      kind: "readable",
      content: { mappings: "AAAA", sources: ["a.ts", "b.ts"], sourceRoot: "src", ignored: new Set([1]), functions },
    });
  });

  it.each([["text"], [[{ name: "f" }]], [[{ name: "f", start: 0, sites: ["a"] }]]])(
    "knows no functions where they are %j",
    (functions) => {
      const text = `${HEAD},"x_tasker_functions":${JSON.stringify(functions)}}`;
      expect(readSourceMap(text)).toMatchObject({ kind: "readable", content: { functions: [] } });
    },
  );
});

function members(count: number): string {
  return Array.from({ length: count }, (_, at) => `"${at.toString(36)}":1`).join(",");
}
