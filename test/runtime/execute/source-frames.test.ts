import { describe, expect, it } from "vitest";
import { cpuMsOf } from "../support/cpu-ms.ts";
import { joined, leb, section } from "../hostile/binary.ts";
import { HOSTILE_MAPS } from "../hostile/hostile-maps.ts";
import { framesOfAbort, framesOfStack, framesOfTrap, SourceMap } from "../../../src/runtime/execute/source-frames.ts";

/** Line 3 of the generated file, from column 4 on, is line 12, column 2 of `pay.ts`. */
const MAP = JSON.stringify({ version: 3, sources: ["pay.ts"], names: [], mappings: ";;IAWE" });

/** A component without a map. */
const UNKNOWN = { map: undefined, artifact: { modules: [] } };

describe("framesOfStack()", () => {
  it("reads QuickJS and maps what the map knows", () => {
    const stack = "    at pay (componentize-qjs:user.js:3:7)\n    at <anonymous> (native)\n    at user.js:9:2\n";
    expect(framesOfStack(stack, new SourceMap(MAP))).toEqual(["pay (pay.ts:12:3)", "(user.js:9:2)"]);
  });

  it("reads StarlingMonkey", () => {
    expect(framesOfStack("pay@source.js:3:7\nhandle@source.js:1:1\n", new SourceMap(MAP))).toEqual([
      "pay (pay.ts:12:3)",
      "handle (source.js:1:1)",
    ]);
  });

  it("leaves out frames of sources that the map ignores, unless there are no others", () => {
    const map = new SourceMap(
      JSON.stringify({
        version: 3,
        sources: ["pay.ts", "sdk.ts"],
        names: [],
        mappings: ";;AAAA;ACAA",
        ignoreList: [1],
      }),
    );
    expect(framesOfStack("    at f (a.js:3:1)\n    at g (a.js:4:1)", map)).toEqual(["f (pay.ts:1:1)"]);
    expect(framesOfStack("    at g (a.js:4:1)", map)).toEqual(["g (sdk.ts:1:1)"]);
  });

  it("leaves out what is no frame, and stops at 32", () => {
    const stack = `Error: x\n${"    at f (a.js:1:1)\n".repeat(100)}`;
    expect(framesOfStack(stack, undefined)).toEqual(Array.from({ length: 32 }, () => "f (a.js:1:1)"));
  });

  it.each([
    ["text", "no map"],
    ["a map of another version", '{"version":2}'],
    ["mappings that are none", '{"version":3,"sources":[],"names":[],"mappings":"!!!!"}'],
    ["mappings out of range", '{"version":3,"sources":[],"names":[],"mappings":";;AggggggggggggggB"}'],
    ["members of other types", '{"version":3,"sources":7,"names":{},"mappings":";;AAAA"}'],
    ["nothing", ""],
    ["more than it may hold", `"${"x".repeat(8_388_609)}"`],
  ])("maps nothing by a map that is %s", (_, map) => {
    expect(framesOfStack("    at f (a.js:3:7)", new SourceMap(map))).toEqual(["f (a.js:3:7)"]);
  });

  it.each([
    ["cannot be read", HOSTILE_MAPS.unreadable],
    ["has millions of values", HOSTILE_MAPS.values],
    ["has millions of lines", HOSTILE_MAPS.lines],
    ["has millions of places", HOSTILE_MAPS.segments],
    ["has a million places with nothing between them", HOSTILE_MAPS.segmentsWithoutCommas],
  ])("reads a map that %s once for all frames", (_, text) => {
    const map = new SourceMap(text);
    const cpuMs = cpuMsOf(() => {
      for (let report = 0; report < 3; report += 1) {
        const frames = framesOfStack("    at f (a.js:1:1)\n".repeat(32), map);
        expect(frames).toEqual(Array.from({ length: 32 }, () => "f (a.js:1:1)"));
      }
    });
    expect(cpuMs).toBeLessThan(600);
  });

  it("takes nothing from a map but what a map says", () => {
    expect(framesOfStack("    at f (x.js:1:1)", new SourceMap(HOSTILE_MAPS.decoded))).toEqual(["f (a.ts:1:1)"]);
  });

  it.each([
    ["src", "a.ts", "src/a.ts"],
    ["src/", "a.ts", "src/a.ts"],
    ["src", "/home/a.ts", "/home/a.ts"],
    ["src", "webpack://a.ts", "webpack://a.ts"],
  ])("puts a map's root %s before its source %s where that has no place of its own", (sourceRoot, source, path) => {
    const text = JSON.stringify({ version: 3, sourceRoot, sources: [source], mappings: "AAAA" });
    expect(framesOfStack("    at f (x.js:1:1)", new SourceMap(text))).toEqual([`f (${path}:1:1)`]);
  });

  it("takes no longer for a line that was made to be slow", () => {
    const line = `    at ${" (".repeat(8_000)}\n${"@".repeat(8_000)}:1`;
    expect(cpuMsOf(() => framesOfStack(line, undefined))).toBeLessThan(500);
  });
});

describe("framesOfAbort()", () => {
  it("gives the one position there is, or none", () => {
    expect(framesOfAbort({ file: "assembly/index.ts", line: 4, column: 9, stack: "" }, UNKNOWN)).toEqual([
      "(assembly/index.ts:4:9)",
    ]);
    expect(framesOfAbort({ file: "a.ts", line: 0, column: 0, stack: "" }, UNKNOWN)).toEqual(["(a.ts)"]);
    expect(framesOfAbort({ file: "", line: 4, column: 9, stack: "" }, UNKNOWN)).toEqual([]);
  });
});

/** One function, its body from 22 on: `unreachable` at 23. Its map has it at column `at` of the compiled code. */
const TRAPPING = {
  modules: [
    {
      // prettier-ignore
      bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 0x0a, 5, 1, 3, 0, 0, 0x0b),
      memories: [],
      initialBytes: 0,
      instantiationFuel: 0,
    },
  ],
};
const TRAP_LINE = "    at wasm://wasm/0ab1:wasm-function[0]:0x17\n";

function compiledMap(mappings: string, at: number, ignoreList: readonly number[]): SourceMap {
  const sources = ["sdk.ts", "pay.ts"];
  const functions = [{ name: "pay", start: 0, sites: [0, at] }];
  return new SourceMap(
    JSON.stringify({ version: 3, sources, names: [], mappings, ignoreList, x_tasker_functions: functions }),
  );
}

describe("framesOfTrap()", () => {
  it("gives the author's last place before a trap in a library", () => {
    // Columns 0 and 1 are of pay.ts, line 1 and 2; 2, 3 and 9 of sdk.ts.
    const map = compiledMap("ACAA,CACA,CDAA,CAAA,MAAA", 5, [0]);
    expect(framesOfTrap(TRAP_LINE, { map, artifact: TRAPPING })).toEqual(["pay (pay.ts:2:1)"]);
  });

  it("takes no longer for a map that was made to be slow", () => {
    const map = compiledMap(`AAAA${",CAAA".repeat(200_000)}`, 1e9, [...Array<number>(20_000).fill(1_000), 0]);
    const tookMs = cpuMsOf(() => {
      const frames = framesOfTrap(TRAP_LINE.repeat(32), { map, artifact: TRAPPING });
      expect(frames).toEqual(Array.from({ length: 32 }, () => "(wasm-function[0]:0x17)"));
    });
    expect(tookMs).toBeLessThan(2_000);
  });

  it("reads a module and its functions once, however many frames and reports", () => {
    const functions = 300_000;
    const empty = new Uint8Array((functions - 1) * 3).map((_, at) => [2, 0, 0x0b][at % 3] ?? 0);
    const bodies = joined([3, 0, 0, 0x0b], empty);
    const bytes = joined([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], section(10, joined(leb(functions), bodies)));
    const start = bytes.length - bodies.length + 1;
    const artifact = { modules: [{ bytes, memories: [], initialBytes: 0, instantiationFuel: 0 }] };
    const line = `    at wasm://wasm/0ab1:wasm-function[0]:0x${(start + 1).toString(16)}\n`;
    const map = compiledMap("ACAA", 0, [0]);
    const cpuMs = cpuMsOf(() => {
      for (let report = 0; report < 30; report += 1) {
        expect(framesOfTrap(line.repeat(32), { map, artifact })).toHaveLength(32);
      }
    });
    expect(framesOfTrap(line, { map, artifact })).toEqual(["pay (pay.ts:1:1)"]);
    expect(cpuMs).toBeLessThan(600);
  });

  it("looks for no places in code of more than 4 MB", () => {
    const body = joined([0, 0], new Uint8Array(4_194_304), [0x0b]);
    const code = section(10, joined([1], leb(body.length), body));
    const bytes = joined([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], code);
    const artifact = { modules: [{ bytes, memories: [], initialBytes: 0, instantiationFuel: 0 }] };
    const map = compiledMap("ACAA", 0, [0]);
    expect(framesOfTrap("    at wasm://wasm/0ab1:wasm-function[0]:0x20\n", { map, artifact })).toEqual([
      "(wasm-function[0]:0x20)",
    ]);
  });

  it("keeps the guest's frames and drops the host's", () => {
    const stack = `RuntimeError: unreachable
    at wasm://wasm/0ab1:wasm-function[12]:0x34
    at pay (wasm://wasm/pay-0ab1:wasm-function[3]:0x1f)
    at callGuest (file:///srv/host/guest-run.js:1:2)`;
    expect(framesOfTrap(stack, UNKNOWN)).toEqual(["(wasm-function[12]:0x34)", "pay (wasm-function[3]:0x1f)"]);
  });
});
