/** What the gate refuses before anything is stored, each with its code, through the stages of both processes. */
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { RecordedPlan } from "../../src/runtime/link-plan.ts";
import { prepare } from "../../src/runtime/prepare/prepare.ts";
import { translate } from "../../src/runtime/translate/translate.ts";
import { refusalOf } from "./support/refusals.ts";
import { PREPARE_LIMITS, prepareHere } from "./support/runs.ts";
import { ECHO, EMPTY_SUCCESS, IMPORT_LOG, watComponent, WIT_SOURCE } from "./support/wat-component.ts";

let good: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  good = await watComponent({ handle: ECHO, imports: IMPORT_LOG });
});

async function text(component: string): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await parse(component));
}

describe("the gate", () => {
  it("passes a good component", async () => {
    const artifact = await prepareHere(good);
    expect(artifact.manifest).toEqual({ name: "wat", version: "1", callables: ["test"], sdk: "wat/1" });
    expect(artifact.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(artifact.imports).toContain("tasker:handler/log@1.0.0");
    expect(artifact.describeFuel).toBeGreaterThan(0);
  });

  it.each([
    ["no bytes", () => new Uint8Array(0), "TSK_COMPONENT_NOT_A_COMPONENT"],
    ["text", () => Uint8Array.from(Buffer.from("(component)")), "TSK_COMPONENT_NOT_A_COMPONENT"],
    ["a core module", () => text("(module)"), "TSK_COMPONENT_NOT_A_COMPONENT"],
    ["an empty component", () => text("(component)"), "TSK_COMPONENT_EXPORT_MISMATCH"],
    [
      "a step-handler without functions",
      () => text(`(component (instance $i) (export "tasker:handler/step-handler@1.0.0" (instance $i)))`),
      "TSK_COMPONENT_EXPORT_MISMATCH",
    ],
    ["half a component", () => good.slice(0, good.length / 2), "TSK_COMPONENT_MALFORMED"],
    [
      "a section beyond the bytes",
      () => Uint8Array.of(...good.slice(0, 8), 1, 0xff, 0xff, 3),
      "TSK_COMPONENT_MALFORMED",
    ],
    [
      "an over-long number",
      () => Uint8Array.of(...good.slice(0, 8), 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0),
      "TSK_COMPONENT_MALFORMED",
    ],
    ["an unknown section", () => Uint8Array.of(...good.slice(0, 8), 99, 0), "TSK_COMPONENT_MALFORMED"],
    ["a start function of the component", () => Uint8Array.of(...good.slice(0, 8), 9, 0), "TSK_COMPONENT_UNSUPPORTED"],
    ["components 17 deep", () => text("(component ".repeat(17) + ")".repeat(17)), "TSK_COMPONENT_TOO_LARGE"],
    ["100 core modules", () => text(`(component ${"(core module)".repeat(100)})`), "TSK_COMPONENT_TOO_LARGE"],
    ["a doubling of instances", () => text(doubling(6)), "TSK_COMPONENT_TOO_LARGE"],
    [
      "an import of sockets",
      () => text(`(component (import "wasi:sockets/tcp@0.2.0" (instance)))`),
      "TSK_COMPONENT_IMPORT_REFUSED",
    ],
    [
      "an import of WASI 0.3",
      () => text(`(component (import "wasi:io/poll@0.3.0" (instance)))`),
      "TSK_COMPONENT_IMPORT_REFUSED",
    ],
    [
      "an import of another version",
      () => text(`(component (import "tasker:handler/log@2.0.0" (instance)))`),
      "TSK_COMPONENT_IMPORT_REFUSED",
    ],
    ["an import of a function", () => text(`(component (import "run" (func)))`), "TSK_COMPONENT_IMPORT_REFUSED"],
    [
      "an import with another type",
      () => text(`(component (import "tasker:handler/log@1.0.0" (instance (export "log" (func (param "x" string))))))`),
      "TSK_COMPONENT_IMPORT_REFUSED",
    ],
    [
      "an import of a function that is not offered",
      () => text(`(component (import "tasker:handler/log@1.0.0" (instance (export "more" (func)))))`),
      "TSK_COMPONENT_IMPORT_REFUSED",
    ],
    ["a resource of its own", () => text(`(component (type (resource (rep i32))))`), "TSK_COMPONENT_UNSUPPORTED"],
    [
      "a name that is JavaScript",
      () => text(`(component (core module (import "a');process.exit(9);('" "x" (func))))`),
      "TSK_COMPONENT_NAME_REFUSED",
    ],
    [
      "a name with a line end",
      () => text(`(component (core module (func (export "a\\0ab"))))`),
      "TSK_COMPONENT_NAME_REFUSED",
    ],
    [
      "the name __proto__",
      () => text(`(component (core module (func (export "__proto__"))))`),
      "TSK_COMPONENT_NAME_REFUSED",
    ],
    ["the name then", () => text(`(component (core module (func (export "then"))))`), "TSK_COMPONENT_NAME_REFUSED"],
    [
      "a very long name",
      () => text(`(component (core module (func (export "${"n".repeat(600)}"))))`),
      "TSK_COMPONENT_TOO_LARGE",
    ],
    [
      "a core module that does not validate",
      async () => spliced(await watComponent({ handle: EMPTY_SUCCESS, fields: `(data (i32.const 7000) "marker")` })),
      "TSK_COMPONENT_INVALID",
    ],
    [
      "a 64-bit memory",
      () => text(`(component (core module (import "m" "m" (memory i64 1))))`),
      "TSK_COMPONENT_UNSUPPORTED",
    ],
  ])("refuses %s", async (_, make, code) => {
    const bytes = await make();
    expect(await refusalOf(() => prepareHere(bytes))).toBe(code);
  });

  it.each([
    ["another result", "describe: func() -> manifest;", "describe: func() -> string;"],
    ["a field of another type", "attempt: u32,", "attempt: u64,"],
    ["a field of another name", "attempt: u32,", "attempts: u32,"],
    ["a field more", "attempt: u32,", "attempt: u32, more: u32,"],
    ["a case more", "checkpoint-yield(checkpoint-yield),", "checkpoint-yield(checkpoint-yield), more,"],
  ])("refuses a step-handler with %s", async (_, from, to) => {
    const wit = WIT_SOURCE.replace(from, to);
    expect(wit).not.toBe(WIT_SOURCE);
    const bytes = await watComponent({ handle: EMPTY_SUCCESS, wit });
    expect(await refusalOf(() => prepareHere(bytes))).toBe("TSK_COMPONENT_EXPORT_MISMATCH");
  });

  it.each([
    ["loops", { describe: `(loop $again (br $again)) unreachable` }, "TSK_COMPONENT_DESCRIBE_FAILED"],
    ["traps", { describe: `unreachable` }, "TSK_COMPONENT_DESCRIBE_FAILED"],
    ["points nowhere", { describe: `(i32.const 0x7ffffff0)` }, "TSK_COMPONENT_DESCRIBE_FAILED"],
    ["has nothing to say", { describe: `(i32.const 1024)` }, "TSK_COMPONENT_MANIFEST_INVALID"],
  ])("refuses a component whose describe %s", async (_, guest, code) => {
    const bytes = await watComponent({ handle: EMPTY_SUCCESS, ...guest });
    expect(await refusalOf(() => prepareHere(bytes))).toBe(code);
  });

  it("refuses an import in the meter's namespace: a guest could refill its own fuel", async () => {
    const bytes = await text(`(component
      (core module $m (import "tasker:meter" "fuel" (global (mut i64))))
      (core module $g (global (export "fuel") (mut i64) (i64.const 1)))
      (core instance $gi (instantiate $g))
      (core instance (instantiate $m (with "tasker:meter" (instance $gi)))))`);
    expect(await refusalOf(() => prepareHere(bytes))).toMatch(/^TSK_COMPONENT_(EXPORT_MISMATCH|RESERVED_IMPORT)$/);
  });

  it("refuses a forged plan and a swapped module", async () => {
    const recorded = await translate(good, PREPARE_LIMITS.maxComponentBytes);
    const other = await translate(await watComponent({ handle: EMPTY_SUCCESS }), PREPARE_LIMITS.maxComponentBytes);
    const [first, ...rest] = recorded.instantiations;
    if (first === undefined) throw new Error("a plan without instances");
    const forged: readonly (readonly [string, RecordedPlan])[] = [
      ["another component's", other],
      ["none", { instantiations: [] }],
      ["one instance less", { instantiations: rest }],
      ["another order", { instantiations: [...rest, first] }],
      ["another module", { instantiations: [{ ...first, moduleDigest: "0".repeat(64) }, ...rest] }],
      [
        "another source",
        {
          instantiations: recorded.instantiations.map((instance) => ({
            ...instance,
            imports: instance.imports.map((entry) => ({ ...entry, sources: [{ instance: 0, name: "nothing" }] })),
          })),
        },
      ],
    ];
    for (const [what, plan] of forged) {
      expect([what, await refusalOf(() => prepare(good, plan, PREPARE_LIMITS))]).toEqual([
        what,
        "TSK_COMPONENT_PLAN_MISMATCH",
      ]);
    }
    expect(prepare(good, recorded, PREPARE_LIMITS).modules.length).toBeGreaterThan(0);
  });

  it("makes of the same bytes the same artifact", async () => {
    expect(await prepareHere(good)).toEqual(await prepareHere(Uint8Array.from(good)));
  });

  it("answers every mutant with a refusal or an artifact, in bounded time", async () => {
    const recorded = await translate(good, PREPARE_LIMITS.maxComponentBytes);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (edits) => {
          const mutant = Uint8Array.from(good);
          for (const [at, byte] of edits) mutant[at] = byte;
          const answer = await refusalOf(() => prepare(mutant, recorded, PREPARE_LIMITS));
          expect(
            typeof answer === "object" || (typeof answer === "string" && answer.startsWith("TSK_COMPONENT_")),
          ).toBe(true);
        },
      ),
      { numRuns: 1_000, seed: 7 },
    );
  });
});

/** Each level instantiates the one below it twice. */
function doubling(levels: number): string {
  let inner = `(component $c0 (core module $m) (core instance (instantiate $m)) (core instance (instantiate $m)))`;
  for (let level = 1; level < levels - 1; level += 1) {
    inner = `(component $c${level} ${inner} ${`(instance (instantiate $c${level - 1}))`.repeat(4)})`;
  }
  return `(component ${inner} (instance (instantiate $c${levels - 2})))`;
}

/** Breaks the code of the component's module without touching its structure: an unknown opcode in a body. */
function spliced(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const broken = Buffer.from(bytes);
  const store = broken.indexOf(Buffer.from([0x41, 0x80, 0x10, 0x41, 0x00, 0x3a]));
  expect(store).toBeGreaterThan(0);
  broken[store + 5] = 0xff;
  return Uint8Array.from(broken);
}
