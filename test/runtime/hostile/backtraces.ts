/** Steps that fail cheaply, and make what the host says of the failure dear: by their source map, their names, their code. */
import { EMPTY_SUCCESS, IMPORT_ABORT, type WatGuest, words } from "../support/wat-component.ts";
import { handlerNamed } from "./binary.ts";
import { type HostileClass, type StepCase, step } from "./hostile-case.ts";
import { HOSTILE_MAPS } from "./hostile-maps.ts";

/** All of them fail within a millisecond: the rest is what it costs to say where, 50 ms at most. */
const CHEAP = { maxCpuMs: 500 } as const;

/** Traps with forty frames of its own under way, for some thousand units of fuel. */
const DEEP: WatGuest = {
  handle: `(call $f (i32.const 40)) ${EMPTY_SUCCESS}`,
  fields: `(func $f (param i32) (if (i32.eqz (local.get 0)) (then unreachable)) (call $f (i32.sub (local.get 0) (i32.const 1))))`,
};

/** A component of its own: a process takes one map for each. */
function marked(guest: WatGuest, mark: string): WatGuest {
  return { ...guest, fields: `${guest.fields ?? ""} (data (i32.const 6000) "${mark}")` };
}

function trapping(name: string, sourceMap: string): StepCase {
  return step(name, "call", { kind: "trap" }, marked(DEEP, name), { ...CHEAP, sourceMap });
}

const FRAMES = 32;

/** Returns a failure whose engine's stack has 32 frames, each of line 1 of the generated file. */
function failing(name: string, sourceMap: string, frame: string): StepCase {
  const stack = "at f (x.js:1:1)\\n".repeat(FRAMES);
  const outcome = { kind: "failure", message: "boom", backtrace: Array.from({ length: FRAMES }, () => frame) } as const;
  const guest = {
    handle: "(i32.const 2048)",
    fields: `
      (data (i32.const 4000) "boom") (data (i32.const 4010) "stack") (data (i32.const 4100) "${stack}")
      (data (i32.const 2048) "${words(1, 0, 4000, 4, 4000, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1200, 2, 3900, 1)}")
      (data (i32.const 3900) "${words(4010, 5, 4100, 16 * FRAMES)}")`,
  };
  return step(name, "report", outcome, marked(guest, name), { ...CHEAP, sourceMap });
}

const FUNCTIONS = 180_000;
/** Of `$f` of `DEEP`, in truth or not. */
const MAP_OF_FUNCTIONS = JSON.stringify({
  version: 3,
  sources: ["a.ts"],
  mappings: "AAAA",
  x_tasker_functions: [{ name: "f", start: 0, sites: [0, 4, 16, 4] }],
});

function named(name: string, bytes: number, guest: WatGuest, outcome: StepCase["outcome"]): StepCase {
  const names = [[guest.imports === undefined ? 0 : 1, new Uint8Array(bytes).fill(0x41)]] as const;
  return step(name, "call", outcome, () => handlerNamed(guest, names), {
    ...CHEAP,
    times: 3,
  });
}

export const BACKTRACES: HostileClass = {
  name: "source maps and backtraces",
  tries: "makes it dear to say where in its code it failed",
  wall: "maps counted before they are parsed and read once, names cut, code of 4 MB looked into at most",
  cases: [
    trapping("a map that cannot be read, for each of 32 frames", HOSTILE_MAPS.unreadable),
    failing("a map of millions of lines", HOSTILE_MAPS.lines, "f (x.js:1:1)"),
    failing("a map of millions of places in one line", HOSTILE_MAPS.segments, "f (x.js:1:1)"),
    failing("a map of a million places with nothing between them", HOSTILE_MAPS.segmentsWithoutCommas, "f (x.js:1:1)"),
    failing("a map that says it is decoded", HOSTILE_MAPS.decoded, "f (a.ts:1:1)"),
    failing("a map whose 40,000 sources have a root of megabytes", HOSTILE_MAPS.root, `f (${"r".repeat(400)}:1:1)`),
    named("a function's name of ten megabytes, in each of 32 frames", 10_485_760, DEEP, { kind: "trap" }),
    named(
      "a name of ten megabytes under an abort",
      10_485_760,
      {
        imports: IMPORT_ABORT,
        handle: `(call $f (i32.const 40)) ${EMPTY_SUCCESS}`,
        fields: `(func $f (param i32) (if (i32.eqz (local.get 0)) (then (call $abort (i32.const 3000) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
          (call $f (i32.sub (local.get 0) (i32.const 1)))) (data (i32.const 3000) "no way")`,
      },
      { kind: "failure", message: "no way" },
    ),
    step(
      "a module of 180,000 functions to look through for each of 32 frames",
      "call",
      { kind: "trap" },
      { ...DEEP, fields: `${DEEP.fields ?? ""} ${"(func)".repeat(FUNCTIONS)}` },
      { ...CHEAP, sourceMap: MAP_OF_FUNCTIONS, times: 2 },
    ),
  ],
};
