/** Features of WebAssembly that this runtime does not run, the meter's namespace, and what `describe` may not do. */
import { EMPTY_SUCCESS, watComponent } from "../support/wat-component.ts";
import { component, handlerWith, section, text, textModule, withInner } from "./binary.ts";
import { type Bytes, type HostileClass, upload } from "./hostile-case.ts";

const UNSUPPORTED = "TSK_COMPONENT_UNSUPPORTED";
const INVALID = "TSK_COMPONENT_INVALID";

export const FEATURES: HostileClass = {
  name: "features",
  tries: "uses a feature that this runtime does not run",
  wall: "refused by name: nothing is bounded that is not admitted",
  cases: [
    upload("an imported shared memory", "structure", UNSUPPORTED, () =>
      textModule(`(import "m" "m" (memory 1 1 shared))`),
    ),
    upload("a shared memory", "prepare", UNSUPPORTED, () => inner(`(memory 1 1 shared)`)),
    upload("an imported 64-bit memory", "structure", UNSUPPORTED, () => textModule(`(import "m" "m" (memory i64 1))`)),
    upload("a 64-bit memory", "prepare", UNSUPPORTED, () => inner(`(memory i64 1)`)),
    upload("a 64-bit table", "prepare", UNSUPPORTED, handlerWith(`(table i64 1 funcref)`)),
    upload("a page size of its own", "translate", INVALID, () => textModule(`(memory 1 (pagesize 1))`)),
    upload("atomics", "prepare", UNSUPPORTED, () => inner(`(memory 1) (func (drop (i32.atomic.load (i32.const 0))))`)),
    upload(
      "relaxed SIMD",
      "prepare",
      UNSUPPORTED,
      handlerWith(`(func (param v128 v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))`),
    ),
    upload("a garbage-collected struct", "prepare", UNSUPPORTED, handlerWith(`(type (struct (field i32)))`)),
    upload("a garbage-collected array", "prepare", UNSUPPORTED, handlerWith(`(type (array i8))`)),
    upload(
      "a recursive group of types",
      "prepare",
      UNSUPPORTED,
      handlerWith(`(rec (type (sub (func))) (type (func)))`),
    ),
    upload("stack switching", "translate", INVALID, () => textModule(`(type $f (func)) (type (cont $f))`)),
    upload("exceptions of its own", "structure", UNSUPPORTED, handlerWith(`(tag $e) (func (throw $e))`)),
    upload("an imported memory of threads", "structure", UNSUPPORTED, () =>
      textModule(`(import "a" "b" (memory i64 1 1 shared))`),
    ),
    upload("a resource of its own", "structure", UNSUPPORTED, () => text(`(component (type (resource (rep i32))))`)),
    upload("a stream", "structure", UNSUPPORTED, () => component(section(7, [1, 0x66, 0]))),
    upload("a future", "structure", UNSUPPORTED, () => component(section(7, [1, 0x65, 0]))),
    upload("an asynchronous function type", "structure", UNSUPPORTED, () => component(section(7, [1, 0x43, 0, 1, 0]))),
    upload("an asynchronous lowering", "structure", UNSUPPORTED, () => component(section(8, [1, 1, 0, 0, 1, 6]))),
    upload("a built-in of threads", "structure", UNSUPPORTED, () => component(section(8, [1, 0x05, 0]))),
    upload("a start function of the component", "structure", UNSUPPORTED, () => component([9, 0])),
    upload("values", "structure", UNSUPPORTED, () => component(section(12, [0]))),
    upload("strings of Latin-1", "structure", UNSUPPORTED, () => component(section(8, [1, 1, 0, 0, 1, 2]))),
  ],
};

/** A good handler with one more module in it. */
function inner(fields: string): Promise<Bytes> {
  return withInner(`(component (core module $m ${fields}) (core instance (instantiate $m)))`);
}

export const RESERVED: HostileClass = {
  name: "the meter's namespace",
  tries: "imports from the namespace in which metering puts its budgets",
  wall: "the namespace is reserved",
  cases: (
    [
      ["the fuel global", `(import "tasker:meter" "fuel" (global (mut i64)))`],
      ["a function", `(import "tasker:meter" "refill" (func))`],
      ["a memory", `(import "tasker:meter" "memory0" (memory 1))`],
      ["a table", `(import "tasker:meter" "table0" (table 1 funcref))`],
      ["a versioned namespace", `(import "tasker:meter@1.0.0" "fuel" (global (mut i64)))`],
    ] as const
  ).map(([name, field]) => upload(name, "prepare", "TSK_COMPONENT_RESERVED_IMPORT", () => withOwnMeter(field))),
};

/** A good handler beside a module that gets an instance of its own as the meter. */
function withOwnMeter(field: string): Promise<Bytes> {
  const name = /"(tasker:meter[^"]*)"/.exec(field)?.[1] ?? "";
  return withInner(`(component
    (core module $m ${field})
    (core module $g (global (export "fuel") (mut i64) (i64.const 1)) (func (export "refill"))
      (memory (export "memory0") 1) (table (export "table0") 1 funcref))
    (core instance $gi (instantiate $g))
    (core instance (instantiate $m (with "${name}" (instance $gi)))))`);
}

export const DESCRIBE: HostileClass = {
  name: "describe",
  tries: "attacks the gate from inside, while it is asked for its manifest",
  wall: "`describe` runs metered, after the artifact was made, in a process that ends after it",
  cases: [
    upload("a loop", "describe", "TSK_COMPONENT_DESCRIBE_FAILED", () => guest(`(loop $again (br $again)) unreachable`)),
    upload("a trap", "describe", "TSK_COMPONENT_DESCRIBE_FAILED", () => guest("unreachable")),
    upload("a pointer to nowhere", "describe", "TSK_COMPONENT_DESCRIBE_FAILED", () => guest("(i32.const 0x7ffffff0)")),
    upload("an empty manifest", "describe", "TSK_COMPONENT_MANIFEST_INVALID", () => guest("(i32.const 1024)")),
    upload("recursion", "describe", "TSK_COMPONENT_DESCRIBE_FAILED", () =>
      watComponent({
        handle: EMPTY_SUCCESS,
        describe: "(call $down)",
        fields: "(func $down (result i32) (i32.add (call $down) (i32.const 1)))",
      }),
    ),
    upload("a start function that traps", "describe", "TSK_COMPONENT_DESCRIBE_FAILED", () =>
      watComponent({ handle: EMPTY_SUCCESS, fields: "(func $s unreachable) (start $s)" }),
    ),
    upload(
      "a start function that loops beyond the deadline",
      "describe",
      "TSK_COMPONENT_PREPARE_LIMIT",
      () => watComponent({ handle: EMPTY_SUCCESS, fields: "(func $s (loop $again (br $again))) (start $s)" }),
      { timeoutMs: 1_000, describeFuel: 100_000_000_000_000 },
    ),
    upload(
      "a start function that touches memory until the process is too large",
      "describe",
      "TSK_COMPONENT_PREPARE_LIMIT",
      () =>
        watComponent({
          handle: EMPTY_SUCCESS,
          memory: "2000",
          fields: `(func $s (memory.fill (i32.const 0) (i32.const 1) (i32.const 131072000)) (loop $again (br $again))) (start $s)`,
        }),
      { maxResidentBytes: 150_000_000, describeFuel: 100_000_000_000_000 },
    ),
    upload(
      "a loop beyond the deadline",
      "describe",
      "TSK_COMPONENT_PREPARE_LIMIT",
      () => guest(`(loop $again (br $again)) unreachable`),
      { timeoutMs: 1_500, describeFuel: 100_000_000_000_000 },
    ),
    upload(
      "memory that is touched until the process is too large",
      "describe",
      "TSK_COMPONENT_PREPARE_LIMIT",
      () =>
        watComponent({
          handle: EMPTY_SUCCESS,
          memory: "2000",
          describe: `(memory.fill (i32.const 0) (i32.const 1) (i32.const 131072000)) (loop $again (br $again)) unreachable`,
        }),
      { maxResidentBytes: 150_000_000, describeFuel: 100_000_000_000_000 },
    ),
    upload(
      "more memory than it may begin with",
      "describe",
      "TSK_COMPONENT_DESCRIBE_FAILED",
      () => watComponent({ handle: EMPTY_SUCCESS, memory: "100" }),
      { describeMemoryBytes: 1_000_000 },
    ),
  ],
};

function guest(describe: string): Promise<Bytes> {
  return watComponent({ handle: EMPTY_SUCCESS, describe });
}
