/** Steps that try to take more memory, stack or output than they may. */
import { EMPTY_SUCCESS, IMPORT_ABORT, IMPORT_LOG, success, words } from "../support/wat-component.ts";
import { type HostileClass, step } from "./hostile-case.ts";

const MEMORY = { kind: "memory-exceeded", limit: 16_777_216 } as const;
const GROW_OR_TRAP = `(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable`;

export const MEMORY_BUDGET: HostileClass = {
  name: "memory",
  tries: "grows memories or tables beyond its budget",
  wall: "one byte budget over all memories and tables, debited at growth",
  cases: [
    step("memory that it demands", "call", MEMORY, { handle: GROW_OR_TRAP }),
    step("all of it at once", "call", MEMORY, {
      handle: `(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable)) ${EMPTY_SUCCESS}`,
    }),
    step("a table", "call", MEMORY, {
      handle: `(loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1)))) unreachable`,
      fields: `(table $t 1 funcref)`,
    }),
    step("twenty tables, a little each", "call", MEMORY, {
      handle: `(loop $more ${Array.from({ length: 20 }, (_, at) => `(if (i32.eq (table.grow $t${at} (ref.null extern) (i32.const 5000)) (i32.const -1)) (then unreachable))`).join("")} (br $more)) unreachable`,
      fields: Array.from({ length: 20 }, (_, at) => `(table $t${at} 0 externref)`).join(""),
    }),
    step("memory and table in turn", "call", MEMORY, {
      handle: `(loop $more
        (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)) (br $more)) unreachable`,
      fields: `(table $t 1 funcref)`,
    }),
    step("memory in realloc", "lower", MEMORY, { handle: EMPTY_SUCCESS, realloc: GROW_OR_TRAP }),
    step("memory in post-return", "post-return", MEMORY, {
      handle: EMPTY_SUCCESS,
      postReturn: GROW_OR_TRAP,
    }),
    step(
      "more than it may begin with",
      "instantiate",
      { kind: "memory-exceeded", limit: 100_000 },
      { handle: EMPTY_SUCCESS },
      {
        limits: { maxMemoryBytes: 100_000 },
      },
    ),
    step(
      "a table larger than it may begin with",
      "instantiate",
      { kind: "memory-exceeded", limit: 1_000_000 },
      {
        handle: EMPTY_SUCCESS,
        fields: "(table 900000 funcref)",
      },
      { limits: { maxMemoryBytes: 1_000_000 } },
    ),
    step(
      "growth that it survives",
      "report",
      { kind: "success" },
      {
        handle: `(drop (memory.grow (i32.const 60000))) ${EMPTY_SUCCESS}`,
      },
    ),
  ],
};

const STACK = { kind: "stack-exhausted" } as const;

export const STACK_DEPTH: HostileClass = {
  name: "stack",
  tries: "recurses without end",
  wall: "metered depth, the same on every machine",
  cases: [
    step("one function", "call", STACK, {
      handle: `(call $down (i32.const 0))`,
      fields: `(func $down (param i32) (result i32) (i32.add (call $down (local.get 0)) (i32.const 1)))`,
    }),
    step("two in turn", "call", STACK, {
      handle: `(call $a)`,
      fields: `(func $a (result i32) (i32.add (call $b) (i32.const 1))) (func $b (result i32) (i32.add (call $a) (i32.const 1)))`,
    }),
    step("through a table", "call", STACK, {
      handle: `(call $f)`,
      fields: `(type $t (func (result i32))) (table $t 1 funcref) (elem (table $t) (i32.const 0) func $f)
        (func $f (type $t) (i32.add (call_indirect $t (type $t) (i32.const 0)) (i32.const 1)))`,
    }),
    step("frames of 5,000 locals", "call", STACK, {
      handle: `(call $f)`,
      fields: `(func $f (result i32) (local ${"i64 ".repeat(5_000)}) (i32.add (call $f) (i32.wrap_i64 (local.get 4999))))`,
    }),
    step("frames of 100 parameters, through a table", "call", STACK, {
      handle: `${"(i64.const 1)".repeat(100)} (call $f)`,
      fields: `(type $t (func (param ${"i64 ".repeat(100)}) (result i32)))
        (table $t 1 funcref) (elem (table $t) (i32.const 0) func $f)
        (func $f (type $t) ${Array.from({ length: 100 }, (_, at) => `(local.get ${at})`).join("")}
          (i32.add (call_indirect $t (type $t) (i32.const 0)) (i32.const 1)))`,
    }),
    step("in realloc", "lower", STACK, {
      handle: EMPTY_SUCCESS,
      realloc: `(call $down)`,
      fields: `(func $down (result i32) (i32.add (call $down) (i32.const 1)))`,
    }),
    step("in post-return", "post-return", STACK, {
      handle: EMPTY_SUCCESS,
      postReturn: `(drop (call $down))`,
      fields: `(func $down (result i32) (i32.add (call $down) (i32.const 1)))`,
    }),
  ],
};

/** A failure whose message has `length` bytes from 0 on. */
function failure(length: number): { handle: string; fields: string } {
  return {
    handle: `(i32.const 4096)`,
    fields: `(data (i32.const 4096) "\\01\\00\\00\\00\\00\\00\\00\\00${words(3000, length, 4300, 1, 0, 0, 0)}")
      (data (i32.const 4132) "\\00\\00\\00\\00\\00\\00") (data (i32.const 4144) "\\00")
      (data (i32.const 4160) "${words(1200, 2, 4, 0)}")
      (data (i32.const 3000) "${"m".repeat(200)}") (data (i32.const 4300) "E")`,
  };
}

const OUTPUT = "output-exceeded";

export const OUTPUT_CAPS: HostileClass = {
  name: "output",
  tries: "returns or logs too much",
  wall: "bytes of results, errors and logs are counted, in the process and again in the host",
  cases: [
    step(
      "a result that is too large",
      "lift",
      { kind: OUTPUT, what: "result", limit: 1_000 },
      {
        handle: success("(i32.const 0)", "(i32.const 200000)"),
      },
      { limits: { maxResultBytes: 1_000, maxErrorBytes: 1_000 } },
    ),
    step(
      "a result a little too large",
      "report",
      { kind: OUTPUT, what: "result", limit: 1_000 },
      {
        handle: success("(i32.const 3000)", "(i32.const 1002)"),
        fields: `(data (i32.const 3000) "\\22${"r".repeat(1_000)}\\22")`,
      },
      { limits: { maxResultBytes: 1_000 } },
    ),
    step(
      "attributes without end",
      "lift",
      { kind: OUTPUT, what: "result" },
      {
        handle: `${EMPTY_SUCCESS} drop (i32.store (i32.const 2072) (i32.const 0)) (i32.store (i32.const 2076) (i32.const 16000)) (i32.const 2048)`,
      },
      { limits: { maxResultBytes: 1_000, maxErrorBytes: 1_000 } },
    ),
    step(
      "too much log in one line",
      "call",
      { kind: OUTPUT, what: "log", limit: 1_000 },
      {
        imports: IMPORT_LOG,
        handle: `(call $log (i32.const 2) (i32.const 0) (i32.const 200000) (i32.const 1200) (i32.const 2)) ${EMPTY_SUCCESS}`,
      },
      { limits: { maxLogBytes: 1_000 } },
    ),
    step(
      "too much log in many lines",
      "call",
      { kind: OUTPUT, what: "log", limit: 65_536 },
      {
        imports: IMPORT_LOG,
        handle: `(loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 8000) (i32.const 1200) (i32.const 2)) (br $again)) unreachable`,
      },
    ),
    step(
      "empty log lines without end",
      "call",
      { kind: OUTPUT, what: "log", limit: 65_536 },
      {
        imports: IMPORT_LOG,
        handle: `(loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (br $again)) unreachable`,
      },
      { limits: { maxHostCalls: 1_000_000 } },
    ),
    step(
      "a long last word",
      "call",
      { kind: OUTPUT, what: "error", limit: 100 },
      {
        imports: IMPORT_ABORT,
        handle: `(call $abort (i32.const 0) (i32.const 150) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) unreachable`,
      },
      { limits: { maxErrorBytes: 100 } },
    ),
    step(
      "a last word of 200 kB",
      "call",
      { kind: OUTPUT, what: "error", limit: 100 },
      {
        imports: IMPORT_ABORT,
        handle: `(call $abort (i32.const 0) (i32.const 200000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) unreachable`,
      },
      { limits: { maxErrorBytes: 100 } },
    ),
    step("a failure with a long message", "report", { kind: OUTPUT, what: "error", limit: 100 }, failure(200), {
      limits: { maxErrorBytes: 100 },
    }),
    step(
      "a checkpoint that is too large",
      "report",
      { kind: OUTPUT, what: "result", limit: 1_000 },
      {
        handle: `(i32.const 4096)`,
        fields: `(data (i32.const 4096) "\\02\\00\\00\\00\\00\\00\\00\\00${words(4300, 1_102, 5, 0, 0, 0, 0)}")
        (data (i32.const 4300) "\\22${"c".repeat(1_100)}\\22")`,
      },
      { limits: { maxResultBytes: 1_000 } },
    ),
  ],
};
