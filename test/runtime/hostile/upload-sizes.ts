/** Uploads that are small and cost much, or large in a place where nobody looks. */
import { EMPTY_SUCCESS, watComponent } from "../support/wat-component.ts";
import { type Bytes, type HostileClass, upload } from "./hostile-case.ts";
import {
  component,
  componentOfModule,
  handlerWith,
  joined,
  nameBytes,
  section,
  text,
  textModule,
  vector,
  withInner,
} from "./binary.ts";

const TOO_LARGE = "TSK_COMPONENT_TOO_LARGE";

export const SIZE_CAPS: HostileClass = {
  name: "size caps",
  tries: "is larger or deeper in one part than the gate admits",
  wall: "a cap for each part, held while it is read",
  cases: [
    upload("a component beyond its cap", "size", TOO_LARGE, handlerWith(""), { maxComponentBytes: 100 }),
    upload("a function body of 600 kB", "prepare", TOO_LARGE, handlerWith(`(func ${"nop ".repeat(600_000)})`)),
    upload("a name of 600 bytes", "structure", TOO_LARGE, () => textModule(`(func (export "${"n".repeat(600)}"))`)),
    upload("an import name of 600 bytes", "structure", TOO_LARGE, () =>
      component(section(10, joined([1, 0], nameBytes("i".repeat(600)), [1, 0]))),
    ),
    upload("5,000 sections", "structure", TOO_LARGE, () =>
      component(...Array.from({ length: 5_000 }, () => section(0, nameBytes("n")))),
    ),
    upload("60,000 data segments", "prepare", TOO_LARGE, handlerWith(`(data "") `.repeat(60_000))),
    upload(
      "30,000 element segments",
      "prepare",
      TOO_LARGE,
      handlerWith(`(func $f) ${"(elem func $f) ".repeat(30_000)}`),
    ),
    upload(
      "a function with 20,000 locals in four bytes",
      "prepare",
      TOO_LARGE,
      handlerWith(`(func (local ${"i64 ".repeat(20_000)}))`),
    ),
    upload(
      "a frame of 9,000 operands",
      "prepare",
      TOO_LARGE,
      handlerWith(`(func ${"i64.const 0 ".repeat(9_000)} ${"drop ".repeat(9_000)})`),
    ),
    upload("a function with 600 parameters", "prepare", TOO_LARGE, handlerWith(`(func (param ${"i32 ".repeat(600)}))`)),
    upload("components 17 deep", "structure", TOO_LARGE, () => text("(component ".repeat(17) + ")".repeat(17))),
    upload(
      "blocks 6,000 deep",
      "prepare",
      TOO_LARGE,
      handlerWith(`(func ${"block ".repeat(6_000)} ${"end ".repeat(6_000)})`),
    ),
    upload(
      "a br_table with 20,000 arms",
      "prepare",
      TOO_LARGE,
      handlerWith(`(func (br_table ${"0 ".repeat(20_000)} (i32.const 0)))`),
    ),
    upload("30,000 types of a module", "prepare", TOO_LARGE, () =>
      watComponent({
        handle: EMPTY_SUCCESS,
        fields: Array.from({ length: 30_000 }, (_, at) => `(type (func (param ${types(at)})))`).join(""),
      }),
    ),
    upload("a record of 300 fields", "structure", TOO_LARGE, () =>
      text(`(component (type (record ${Array.from({ length: 300 }, (_, at) => `(field "f${at}" u8)`).join(" ")})))`),
    ),
  ],
};

/** Another list of parameters for each number. */
function types(at: number): string {
  return Array.from({ length: 16 }, (_, bit) => (at & (1 << bit) ? "i32" : "i64")).join(" ");
}

export const COUNTS: HostileClass = {
  name: "counts",
  tries: "has more instances, modules, memories or tables than the gate admits",
  wall: "counts over all nested instances, unfolded by our own reader before foreign code sees them",
  cases: [
    upload("100 core modules", "structure", TOO_LARGE, () => text(`(component ${"(core module)".repeat(100)})`)),
    upload("100 components side by side", "structure", TOO_LARGE, () =>
      text(`(component ${"(component)".repeat(100)})`),
    ),
    upload("100 instances of one module", "structure", TOO_LARGE, () =>
      text(`(component (core module $m) ${"(core instance (instantiate $m))".repeat(100)})`),
    ),
    upload("200 instances of one component", "structure", TOO_LARGE, () =>
      text(`(component (component $c) ${"(instance (instantiate $c))".repeat(200)})`),
    ),
    upload("a module with 9 memories", "translate", "TSK_COMPONENT_INVALID", handlerWith("(memory 0)".repeat(8))),
    upload("9 instances with a memory each", "prepare", TOO_LARGE, () =>
      withInner(`(component (core module $m (memory 1)) ${"(core instance (instantiate $m))".repeat(9)})`),
    ),
    upload("a module with 100 tables", "prepare", TOO_LARGE, handlerWith("(table 0 funcref)".repeat(100))),
    upload("a module with 250,000 functions", "prepare", TOO_LARGE, handlerWith("(func)".repeat(250_000))),
    upload(
      "a module with 30,000 globals",
      "prepare",
      TOO_LARGE,
      handlerWith("(global i32 (i32.const 0))".repeat(30_000)),
    ),
    upload("a module with 2,000 tags", "structure", "TSK_COMPONENT_UNSUPPORTED", handlerWith("(tag)".repeat(2_000))),
    upload("30,000 exports", "structure", TOO_LARGE, () =>
      textModule(`(func $f) ${Array.from({ length: 30_000 }, (_, at) => `(export "e${at}" (func $f))`).join("")}`),
    ),
  ],
};

/** Each level instantiates the one below it four times. */
function doubling(levels: number): string {
  let inner = `(component $c0 (core module $m) (core instance (instantiate $m)) (core instance (instantiate $m)))`;
  for (let level = 1; level < levels - 1; level += 1) {
    inner = `(component $c${level} ${inner} ${`(instance (instantiate $c${level - 1}))`.repeat(4)})`;
  }
  return `(component ${inner} (instance (instantiate $c${levels - 2})))`;
}

/** Each type holds the one before it twice: two to the power of `levels` nodes when written out. */
function typeBomb(levels: number): string {
  const tuples = Array.from({ length: levels }, (_, at) => `(type $t${at + 1} (tuple $t${at} $t${at}))`).join("");
  return `(component (type $t0 (tuple u8 u8)) ${tuples}
    (import "tasker:handler/log@1.0.0" (instance
      (alias outer 1 $t${levels} (type $t)) (export "t" (type (eq $t))) (export "log" (func (param "x" $t))))))`;
}

/** A function of 50 kB; each of its instructions that grow takes a charge of its own. */
const GROWTH = `(func ${"(drop (memory.grow (i32.const 0)))".repeat(10_000)})`;

export const AMPLIFICATION: HostileClass = {
  name: "amplification",
  tries: "is small and becomes large when it is unfolded, translated or instantiated",
  wall: "everything is unfolded and counted symbolically first; processes with caps on memory and time",
  cases: [
    upload("instances that double at every level", "structure", TOO_LARGE, () => text(doubling(6))),
    upload("17 levels of instances that double", "structure", TOO_LARGE, () => text(doubling(17))),
    upload("16,000 memories in a module", "translate", "TSK_COMPONENT_INVALID", () =>
      textModule("(memory 0)".repeat(16_000)),
    ),
    upload("a table of ten million entries in 30 bytes", "prepare", TOO_LARGE, handlerWith("(table 10000000 funcref)")),
    upload("a memory of 4 GB", "prepare", TOO_LARGE, () => watComponent({ handle: EMPTY_SUCCESS, memory: "65536" })),
    upload("a memory of 2 GB", "prepare", TOO_LARGE, () => watComponent({ handle: EMPTY_SUCCESS, memory: "32768" })),
    upload("a type of 2^40 nodes", "translate", "TSK_COMPONENT_INVALID", () => text(typeBomb(40))),
    upload("8,000 locals in each of 2,000 functions", "artifact", undefined, () =>
      watComponent({ handle: EMPTY_SUCCESS, fields: `(func (local ${"i64 ".repeat(8_000)}))`.repeat(2_000) }),
    ),
    upload(
      "5,000 branches over 7,500 operands: a gigabyte in V8's compiler",
      "prepare",
      TOO_LARGE,
      handlerWith(
        `(func ${"i32.const 0 ".repeat(7_500)} ${"block i32.const 0 br_if 0 end ".repeat(5_000)} ${"drop ".repeat(7_500)})`,
      ),
    ),
    upload("2,000 imports, instantiated 90 times", "structure", TOO_LARGE, () => text(manyLinks(2_000, 90))),
    upload("code that metering makes six times as long", "prepare", TOO_LARGE, handlerWith(GROWTH.repeat(18))),
    upload("code and exports that metering makes too long together", "prepare", TOO_LARGE, handlerWith(twofold())),
    upload("4,000 lowered functions with a result of 4,000 members", "structure", TOO_LARGE, () => manyLowered(4_000), {
      timeoutMs: 10_000,
    }),
    upload("a million passive elements", "prepare", TOO_LARGE, () =>
      watComponent({
        handle: EMPTY_SUCCESS,
        fields: `(func $f) ${`(elem func ${"$f ".repeat(100_000)})`.repeat(11)}`,
      }),
    ),
  ],
};

/** Each kind within what one module's code may grow by, both together beyond what the host receives. */
function twofold(): string {
  const exports = Array.from({ length: 15_000 }, (_, at) => `(func (export "e${at}") (type $wide))`).join("");
  return `(type $wide (func (param ${"i32 ".repeat(60)}))) ${GROWTH.repeat(6)} ${exports}`;
}

/** One function of a component inside, lowered again and again. */
function manyLowered(times: number): Promise<Bytes> {
  return withInner(`(component
    (component $child
      (core module $m (memory (export "memory") 2) (func (export "go") (result i32) (i32.const 64)))
      (core instance $m (instantiate $m)) (alias core export $m "memory" (core memory $memory))
      (type $row (tuple ${"bool ".repeat(200)})) (type $all (tuple ${"$row ".repeat(19)}))
      (func $go (result $all) (canon lift (core func $m "go") (memory $memory)))
      (export "go" (func $go)))
    (instance $child (instantiate $child)) (alias export $child "go" (func $go))
    (core module $m (memory (export "memory") 2))
    (core instance $m (instantiate $m)) (alias core export $m "memory" (core memory $memory))
    ${"(core func (canon lower (func $go) (memory $memory)))".repeat(times)})`);
}

function manyLinks(imports: number, instances: number): string {
  const names = Array.from({ length: imports }, (_, at) => `f${at}`);
  return `(component
    (core module $from ${names.map((name) => `(func (export "${name}"))`).join("")})
    (core module $to ${names.map((name) => `(import "m" "${name}" (func))`).join("")})
    (core instance $i (instantiate $from))
    ${`(core instance (instantiate $to (with "m" (instance $i))))`.repeat(instances)})`;
}

/** Four bytes of code that stand for a function type index, a body and so on. */
const ONE_FUNCTION = [vector(1, 1, [0x60, 0, 0]), vector(3, 1, [0])] as const;

export const INVALID_MODULES: HostileClass = {
  name: "invalid modules",
  tries: "holds code that is not valid, or valid only once metering has added to it",
  wall: "every module is validated as it came, and again as metering left it",
  cases: [
    upload("an unknown opcode", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(...ONE_FUNCTION, vector(10, 1, [3, 0, 0xff, 0x0b])),
    ),
    upload("a local that only metering would add", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(...ONE_FUNCTION, vector(10, 1, [6, 0, 0x42, 0, 0x21, 0, 0x0b])),
    ),
    upload("a global that only metering would add", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(...ONE_FUNCTION, vector(10, 1, [6, 0, 0x42, 0, 0x24, 0, 0x0b])),
    ),
    upload("a memory that only metering would import", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(...ONE_FUNCTION, vector(10, 1, [5, 0, 0x3f, 0, 0x1a, 0x0b])),
    ),
    upload("a stack that underflows", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(...ONE_FUNCTION, vector(10, 1, [3, 0, 0x1a, 0x0b])),
    ),
    upload("more bodies than functions", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(...ONE_FUNCTION, vector(10, 2, [2, 0, 0x0b], [2, 0, 0x0b])),
    ),
    upload("a section twice", "translate", "TSK_COMPONENT_INVALID", () =>
      componentOfModule(vector(1, 1, [0x60, 0, 0]), vector(1, 1, [0x60, 0, 0])),
    ),
    upload("a start function with parameters", "translate", "TSK_COMPONENT_INVALID", () =>
      textModule(`(func $s (param i32)) (start $s)`),
    ),
  ],
};

/** Valid, or nearly so, and unlike what any toolchain writes. */
export const STRANGE_SHAPES: HostileClass = {
  name: "strange shapes",
  tries: "breaks the translator, so that it serves nobody after",
  wall: "a disposable process for each upload",
  cases: [
    upload("a component that exports what it imports", "translate", "TSK_COMPONENT_INVALID", () =>
      text(`(component (import "a" (func $f)) (export "b" (func $f)))`),
    ),
    upload("an instance of nothing", "prepare", "TSK_COMPONENT_EXPORT_MISMATCH", () =>
      text(`(component (instance $i) (export "i" (instance $i)))`),
    ),
    upload("a step-handler without functions", "prepare", "TSK_COMPONENT_EXPORT_MISMATCH", () =>
      text(`(component (instance $i) (export "tasker:handler/step-handler@1.0.0" (instance $i)))`),
    ),
    upload("an import lowered and never used", "prepare", "TSK_COMPONENT_EXPORT_MISMATCH", () =>
      text(`(component
        (import "wasi:cli/environment@0.2.0" (instance $e (export "initial-cwd" (func (result (option string))))))
        (core module $m (memory (export "m") 1) (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (alias core export $i "m" (core memory $memory))
        (alias core export $i "r" (core func $realloc))
        (core func (canon lower (func $e "initial-cwd") (memory $memory) (realloc $realloc))))`),
    ),
    upload("a lift with a type that does not fit its function", "translate", "TSK_COMPONENT_INVALID", () =>
      text(`(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "run") (result u32) (canon lift (core func $i "f"))))`),
    ),
    upload("two exports of one name", "translate", "TSK_COMPONENT_INVALID", () =>
      text(`(component (instance $i) (export "a" (instance $i)) (export "A" (instance $i)))`),
    ),
    upload("a module instantiated with what it does not import", "prepare", "TSK_COMPONENT_EXPORT_MISMATCH", () =>
      text(`(component (core module $m) (core instance $i (instantiate $m))
        (core instance (instantiate $m (with "a" (instance $i)))))`),
    ),
    upload("a type of one name for two things", "translate", "TSK_COMPONENT_INVALID", () =>
      text(`(component (type (record (field "a" u8) (field "A" u8))))`),
    ),
  ],
};
