/** Steps that try to cost more than their fuel, in the guest's own code and in what the host does for it. */
import { WASI_WIT } from "../support/wasi-wit.ts";
import { EMPTY_SUCCESS, IMPORT_ABORT, IMPORT_LOG } from "../support/wat-component.ts";
import { withInner } from "./binary.ts";
import { type Bytes, type HostileClass, step } from "./hostile-case.ts";

const LOOP = `(loop $again (br $again)) unreachable`;
/** Less than a millisecond of work. */
const FUEL = 200_000;
const SHORT = { limits: { fuel: FUEL } } as const;
const OUT_OF_FUEL = { kind: "out-of-fuel", limit: FUEL } as const;

export const FUEL_CONTROL: HostileClass = {
  name: "endless control flow",
  tries: "loops for ever, in any instruction",
  wall: "metering: function entries, calls, tail calls, loop headers, blocks",
  cases: [
    step("a loop", "call", OUT_OF_FUEL, { handle: LOOP }, SHORT),
    step(
      "a loop closed by br_table",
      "call",
      OUT_OF_FUEL,
      { handle: `(loop (br_table 0 0 (i32.const 5))) unreachable` },
      SHORT,
    ),
    step(
      "a tail call of itself",
      "call",
      OUT_OF_FUEL,
      { handle: "(call $f)", fields: "(func $f (result i32) (return_call $f))" },
      SHORT,
    ),
    step(
      "a tail call through a table",
      "call",
      OUT_OF_FUEL,
      {
        handle: "(call $f)",
        fields: `(type $t (func (result i32))) (table $t 1 funcref) (elem (table $t) (i32.const 0) func $f)
          (func $f (type $t) (return_call_indirect $t (type $t) (i32.const 0)))`,
      },
      SHORT,
    ),
    step(
      "calls that double at every level",
      "call",
      OUT_OF_FUEL,
      {
        handle: `(call $g (i32.const 60)) ${EMPTY_SUCCESS}`,
        fields: `(func $g (param i32) (if (local.get 0) (then
          (call $g (i32.sub (local.get 0) (i32.const 1))) (call $g (i32.sub (local.get 0) (i32.const 1))))))`,
      },
      SHORT,
    ),
    step(
      "a tail call through a reference",
      "call",
      OUT_OF_FUEL,
      {
        handle: "(call $f)",
        fields: `(type $t (func (result i32))) (elem declare func $f) (func $f (type $t) (return_call_ref $t (ref.func $f)))`,
      },
      SHORT,
    ),
  ],
};

export const FUEL_BULK: HostileClass = {
  name: "bulk instructions",
  tries: "makes one instruction do the work of a million",
  wall: "memory, table and array instructions are charged by length",
  cases: [
    step("fills", "call", OUT_OF_FUEL, bulk("(memory.fill (i32.const 8192) (i32.const 0) (i32.const 200000))"), SHORT),
    step(
      "copies",
      "call",
      OUT_OF_FUEL,
      bulk("(memory.copy (i32.const 8192) (i32.const 8193) (i32.const 200000))"),
      SHORT,
    ),
    step(
      "one fill of four gigabytes",
      "call",
      OUT_OF_FUEL,
      bulk("(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))"),
      SHORT,
    ),
    step(
      "data segments",
      "call",
      OUT_OF_FUEL,
      bulk("(memory.init $d (i32.const 8192) (i32.const 0) (i32.const 60000))"),
      SHORT,
    ),
    step(
      "table fills",
      "call",
      OUT_OF_FUEL,
      bulk("(table.fill $t (i32.const 0) (ref.null func) (i32.const 1000))"),
      SHORT,
    ),
    step(
      "table copies",
      "call",
      OUT_OF_FUEL,
      bulk("(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 999))"),
      SHORT,
    ),
    step(
      "one table copy of four billion",
      "call",
      OUT_OF_FUEL,
      bulk("(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const -1))"),
      SHORT,
    ),
    step("growth by nothing", "call", OUT_OF_FUEL, bulk("(drop (memory.grow (i32.const 0)))"), SHORT),
    step(
      "growth of tables by nothing",
      "call",
      OUT_OF_FUEL,
      bulk("(drop (table.grow $t (ref.null func) (i32.const 0)))"),
      SHORT,
    ),
  ],
};

function bulk(instruction: string): { handle: string; fields: string } {
  return {
    handle: `(loop $again ${instruction} (br $again)) unreachable`,
    fields: `(table $t 1000 funcref) (data $d "${"x".repeat(60_000)}")`,
  };
}

/** Costs a few units in `describe`, more than a step of this class has. */
const SLOW_START = `(func $s (local i32)
  (loop $l (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000))))) (start $s)`;

export const FUEL_ELSEWHERE: HostileClass = {
  name: "work outside handle",
  tries: "works where nobody called it to: at start, in `cabi_realloc`, in post-return",
  wall: "one budget for all that runs of the guest",
  cases: [
    step("a start function", "instantiate", OUT_OF_FUEL, { handle: EMPTY_SUCCESS, fields: SLOW_START }, SHORT),
    step("realloc", "lower", OUT_OF_FUEL, { handle: EMPTY_SUCCESS, realloc: LOOP }, SHORT),
    step(
      "realloc that grows and fills",
      "lower",
      OUT_OF_FUEL,
      {
        handle: EMPTY_SUCCESS,
        realloc: `(loop $again (drop (memory.grow (i32.const 1))) (memory.fill (i32.const 8192) (i32.const 1) (i32.const 65536)) (br $again)) unreachable`,
      },
      SHORT,
    ),
    step(
      "post-return",
      "post-return",
      OUT_OF_FUEL,
      { handle: EMPTY_SUCCESS, postReturn: `(loop $again (br $again))` },
      SHORT,
    ),
    step(
      "post-return by tail calls",
      "post-return",
      OUT_OF_FUEL,
      {
        handle: EMPTY_SUCCESS,
        postReturn: `(call $f)`,
        fields: `(func $f (return_call $f))`,
      },
      SHORT,
    ),
    step(
      "realloc while a host call answers",
      "call",
      OUT_OF_FUEL,
      {
        imports: `(import "wasi:random/random@0.2.3" "get-random-bytes" (func $bytes (param i64 i32)))`,
        wit: WASI_WIT,
        handle: `(global.set $armed (i32.const 1)) (call $bytes (i64.const 8) (i32.const 4000)) ${EMPTY_SUCCESS}`,
        fields: `(global $armed (mut i32) (i32.const 0))`,
        realloc: `(if (global.get $armed) (then ${LOOP})) (global.set $heap (i32.add (global.get $heap) (i32.const 256)))
        (i32.sub (i32.and (global.get $heap) (i32.const -16)) (i32.const 256))`,
      },
      SHORT,
    ),
  ],
};

const LOG_NOTHING = `(call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`;
const RANDOM = {
  imports: `(import "wasi:random/random@0.2.3" "get-random-bytes" (func $bytes (param i64 i32)))
    (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
    (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $sleep (param i64) (result i32)))
    (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))`,
  wit: WASI_WIT,
} as const;

const IMPORT_WRITE = `(import "wasi:io/streams@0.2.3" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))`;

/** Each call has the host make and take apart a tuple of 4,000 members, for two instructions of the guest. */
function wideResults(calls: number): () => Promise<Bytes> {
  return () =>
    withInner(`(component
      (component $child
        (core module $m (memory (export "memory") 1) (func (export "go") (result i32) (i32.const 64)))
        (core instance $m (instantiate $m)) (alias core export $m "memory" (core memory $memory))
        (type $row (tuple ${"bool ".repeat(200)})) (type $all (tuple ${"$row ".repeat(19)}))
        (func $go (result $all) (canon lift (core func $m "go") (memory $memory)))
        (export "go" (func $go)))
      (instance $child (instantiate $child)) (alias export $child "go" (func $go))
      (core module $mm (memory (export "memory") 1))
      (core instance $mm (instantiate $mm)) (alias core export $mm "memory" (core memory $memory))
      (core func $go (canon lower (func $go) (memory $memory)))
      (core module $n (import "a" "go" (func $go (param i32)))
        (func $s (local $n i32) (loop $again (call $go (i32.const 64))
          (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const ${calls})))))
        (start $s))
      (core instance (instantiate $n (with "a" (instance (export "go" (func $go)))))))`);
}

export const HOST_CALLS: HostileClass = {
  name: "host calls",
  tries: "lets the host work for it",
  wall: "a price for each call and for the bytes it moves; calls are counted",
  cases: [
    step(
      "log lines until the fuel ends",
      "call",
      OUT_OF_FUEL,
      {
        imports: IMPORT_LOG,
        handle: `(loop $again ${LOG_NOTHING} (br $again)) unreachable`,
      },
      { limits: { fuel: FUEL, maxHostCalls: 1_000_000, maxLogBytes: 1_048_576 } },
    ),
    step(
      "32,000 lines out of one write",
      "call",
      OUT_OF_FUEL,
      {
        ...RANDOM,
        imports: `${RANDOM.imports} ${IMPORT_WRITE}`,
        handle: `(memory.fill (i32.const 65536) (i32.const 10) (i32.const 32000))
          (call $write (call $stdout) (i32.const 65536) (i32.const 32000) (i32.const 4000)) ${EMPTY_SUCCESS}`,
      },
      { limits: { fuel: FUEL, maxLogBytes: 1_048_576 } },
    ),
    step("wide results between two components", "instantiate", OUT_OF_FUEL, wideResults(50), SHORT),
    step(
      "more calls than it may",
      "call",
      { kind: "output-exceeded", what: "host-calls", limit: 50 },
      {
        imports: IMPORT_LOG,
        handle: `(loop $again ${LOG_NOTHING} (br $again)) unreachable`,
      },
      { limits: { maxHostCalls: 50 } },
    ),
    step(
      "random numbers until the calls end",
      "call",
      { kind: "output-exceeded", what: "host-calls" },
      {
        ...RANDOM,
        handle: `(loop $again (drop (call $random)) (br $again)) unreachable`,
      },
    ),
    step(
      "a gigabyte of random bytes",
      "call",
      { kind: "trap" },
      {
        ...RANDOM,
        handle: `(call $bytes (i64.const 1000000000) (i32.const 4000)) ${EMPTY_SUCCESS}`,
      },
    ),
    step(
      "handles without end",
      "call",
      { kind: "trap" },
      {
        ...RANDOM,
        handle: `(loop $again (drop (call $stdout)) (br $again)) unreachable`,
      },
      { limits: { maxHostCalls: 100_000 } },
    ),
    step(
      "a handle that it never got",
      "call",
      { kind: "trap" },
      {
        ...RANDOM,
        handle: `(call $block (i32.const 77)) ${EMPTY_SUCCESS}`,
      },
    ),
    step("its own end", "call", { kind: "trap" }, { ...RANDOM, handle: `(call $exit (i32.const 0)) unreachable` }),
    step(
      "a sleep of a year",
      "report",
      { kind: "success" },
      {
        ...RANDOM,
        handle: `(call $block (call $sleep (i64.const 31536000000000000))) ${EMPTY_SUCCESS}`,
      },
    ),
    step(
      "calls out of the allocator, which call back",
      "call",
      { kind: "trap" },
      {
        ...RANDOM,
        handle: `(global.set $armed (i32.const 1)) (call $bytes (i64.const 8) (i32.const 4000)) ${EMPTY_SUCCESS}`,
        fields: `(global $armed (mut i32) (i32.const 0))`,
        realloc: `(if (global.get $armed) (then (call $bytes (i64.const 8) (i32.const 4000))))
        (global.set $heap (i32.add (global.get $heap) (i32.const 256)))
        (i32.sub (i32.and (global.get $heap) (i32.const -16)) (i32.const 256))`,
      },
      { limits: { maxHostCalls: 1_000_000, maxCallDepth: 8_000 } },
    ),
    step(
      "a call out of the allocator before it is called itself",
      "lower",
      { kind: "trap" },
      {
        ...RANDOM,
        handle: EMPTY_SUCCESS,
        realloc: `(drop (call $random)) (i32.const 9000)`,
      },
    ),
    step(
      "a call out of post-return",
      "post-return",
      { kind: "trap" },
      { imports: IMPORT_LOG, handle: EMPTY_SUCCESS, postReturn: LOG_NOTHING },
    ),
  ],
};

function swallow(body: string, more: { imports?: string; fields?: string } = {}): { handle: string } {
  return { handle: `(loop $again (block $h (try_table (catch_all $h) ${body})) (br $again)) unreachable`, ...more };
}

const OUT_OF_CALLS = { kind: "output-exceeded", what: "host-calls", limit: 10 } as const;

export const SWALLOW: HostileClass = {
  name: "swallowed stops",
  tries: "catches what stops it and goes on",
  wall: "the stop is `unreachable`, which no handler catches; what the host recorded counts, whatever is returned",
  cases: [
    step(
      "the end of its fuel",
      "call",
      OUT_OF_FUEL,
      swallow("(call $g)", { fields: "(func $g (loop (br 0)))" }),
      SHORT,
    ),
    step(
      "the end of its stack",
      "call",
      { kind: "stack-exhausted" },
      swallow("(call $g)", { fields: "(func $g (call $g))" }),
    ),
    step(
      "an abort",
      "lift",
      { kind: "failure", message: "no way" },
      {
        imports: IMPORT_ABORT,
        handle: `(block $caught (try_table (catch_all $caught) (call $abort (i32.const 3000) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))) ${EMPTY_SUCCESS}`,
        fields: `(data (i32.const 3000) "no way")`,
      },
    ),
    step("the end of its host calls", "call", OUT_OF_CALLS, swallow(LOG_NOTHING, { imports: IMPORT_LOG }), {
      limits: { fuel: 10_000_000, maxHostCalls: 10 },
    }),
    step(
      "the end of its log, and returns",
      "lift",
      { kind: "output-exceeded", what: "log" },
      {
        imports: IMPORT_LOG,
        handle: `(block $caught (try_table (catch_all $caught) (loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 8000) (i32.const 1200) (i32.const 2)) (br $again)))) ${EMPTY_SUCCESS}`,
      },
    ),
    step(
      "a broken host call, and returns",
      "lift",
      { kind: "trap" },
      {
        imports: IMPORT_LOG,
        handle: `(block $caught (try_table (catch_all $caught) (call $log (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))) ${EMPTY_SUCCESS}`,
      },
    ),
  ],
};

export const WALL_CLOCK: HostileClass = {
  name: "wall clock",
  tries: "never returns, with fuel for a year",
  wall: "the host kills the process at the deadline",
  cases: (
    [
      ["a loop", "call", { handle: LOOP }],
      ["a loop of fills", "call", bulk("(memory.fill (i32.const 8192) (i32.const 0) (i32.const 200000))")],
      ["a loop of table fills", "call", bulk("(table.fill $t (i32.const 0) (ref.null func) (i32.const 1000))")],
      ["a loop of growth", "call", bulk("(drop (memory.grow (i32.const 1)))")],
      ["realloc", "lower", { handle: EMPTY_SUCCESS, realloc: LOOP }],
      ["post-return", "post-return", { handle: EMPTY_SUCCESS, postReturn: `(loop $again (br $again))` }],
      ["host calls", "call", { ...RANDOM, handle: `(loop $again (drop (call $random)) (br $again)) unreachable` }],
      [
        "divisions and square roots",
        "call",
        {
          handle: `(local $x f64) (local.set $x (f64.const 2))
          (loop $again (local.set $x (f64.sqrt (f64.div (local.get $x) (f64.const 1.1)))) (br $again)) unreachable`,
        },
      ],
      [
        "strided reads that miss every cache",
        "call",
        {
          memory: "200",
          handle: `(local $at i32)
          (loop $again
            (local.set $at (i32.rem_u (i32.add (i32.mul (local.get $at) (i32.const 1103515245)) (i32.const 12345)) (i32.const 13000000)))
            (drop (i32.load8_u (local.get $at))) (br $again)) unreachable`,
        },
      ],
    ] as const
  ).map(([name, stage, guest]) =>
    step(name, stage, { kind: "timeout", limitMs: 300 }, guest, {
      limits: { fuel: 100_000_000_000_000, timeoutMs: 300, maxHostCalls: 1_000_000_000 },
    }),
  ),
};
