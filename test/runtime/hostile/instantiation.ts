/** Work that every step does before any code of the guest runs. */
import { EMPTY_SUCCESS } from "../support/wat-component.ts";
import { handlerWith, withInner } from "./binary.ts";
import { type HostileClass, step, upload } from "./hostile-case.ts";

const TOO_LARGE = "TSK_COMPONENT_TOO_LARGE";
const FUEL = 200_000;
const OUT_OF_FUEL = { kind: "out-of-fuel", limit: FUEL } as const;

function bomb(name: string, fields: string, memory = "4"): HostileClass["cases"][number] {
  const guest = { handle: EMPTY_SUCCESS, fields, memory };
  return step(name, "instantiate", OUT_OF_FUEL, guest, { limits: { fuel: FUEL, maxMemoryBytes: 67_108_864 } });
}

/** The same module, instantiated often inside a good handler. */
function many(fields: string, times: number): () => ReturnType<typeof withInner> {
  return () => withInner(`(component (core module $m ${fields}) ${"(core instance (instantiate $m))".repeat(times)})`);
}

function elements(count: number): string {
  return `(func $f) (table $t ${count} funcref) (elem (table $t) (i32.const 0) func ${"$f ".repeat(count)})`;
}

function distinctTypes(count: number): string {
  const params = (at: number): string =>
    Array.from({ length: 12 }, (_, bit) => (at & (1 << bit) ? "i32" : "i64")).join(" ");
  return Array.from({ length: count }, (_, at) => `(type (func (param ${params(at)})))`).join("");
}

/** Of 201 operators. */
const LONG_CONSTANT = `(global i32 i32.const 1 ${"i32.const 1 i32.add ".repeat(100)})`;

export const INSTANTIATION: HostileClass = {
  name: "instantiation",
  tries: "makes each step's instantiation dear, where no instruction of its own runs",
  wall: "a price for each instantiation, counted at upload, capped there and charged before anything is instantiated",
  cases: [
    bomb("100,000 elements", elements(100_000)),
    bomb("elements as expressions", `(elem funcref ${"(ref.null func) ".repeat(10_000)})`),
    bomb("two megabytes of data", `(data (i32.const 8192) "${"x".repeat(2_000_000)}")`, "40"),
    bomb("a table of 10,000 entries", "(table 10000 funcref)"),
    bomb("400 pages of memory", "", "400"),
    bomb("10,000 globals", "(global i64 (i64.add (i64.const 1) (i64.const 2)))".repeat(10_000)),
    bomb(
      "1,000 exports of one function",
      Array.from({ length: 1_000 }, (_, at) => `(export "e${at}" (func $realloc))`).join(""),
    ),
    step("90 instances of a small module", "instantiate", OUT_OF_FUEL, many(elements(50), 90), {
      limits: { fuel: FUEL },
    }),
    bomb("50,000 functions", "(func)".repeat(50_000)),
    step("2,000 types in each of 90 instances", "instantiate", OUT_OF_FUEL, many(distinctTypes(2_000), 90), {
      limits: { fuel: FUEL },
    }),
    step("1,000 empty element segments in each", "instantiate", OUT_OF_FUEL, many("(elem func)".repeat(1_000), 90), {
      limits: { fuel: FUEL },
    }),
    step("1,000 empty data segments in each", "instantiate", OUT_OF_FUEL, many('(data "")'.repeat(1_000), 90), {
      limits: { fuel: FUEL },
    }),
    upload("100,000 functions in each of 90 instances", "prepare", TOO_LARGE, many("(func)".repeat(100_000), 90)),
    upload("30,000 elements in each of 90 instances", "prepare", TOO_LARGE, many(elements(30_000), 90)),
    upload("constants of 201 operators", "prepare", TOO_LARGE, handlerWith(LONG_CONSTANT)),
    upload(
      "an offset of 201 operators",
      "prepare",
      TOO_LARGE,
      handlerWith(`(data (offset i32.const 1 ${"i32.const 1 i32.add ".repeat(100)}) "")`),
    ),
    upload(
      "more than `describe` may cost",
      "describe",
      "TSK_COMPONENT_DESCRIBE_FAILED",
      handlerWith(elements(100_000)),
      { describeFuel: 1_000_000 },
    ),
  ],
};
