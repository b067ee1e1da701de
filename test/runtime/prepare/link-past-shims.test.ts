/** The modules that wit-component puts around one that calls the host are left out where they are nothing else, and nothing changes but the price. */
import { parse, print } from "@bytecodealliance/jco-transpile/wasm-tools";
import { beforeAll, describe, expect, it } from "vitest";
import { type Artifact, createInlineSandbox, type RunReport } from "../../../src/runtime/index.ts";
import { readModule } from "../../../src/runtime/component/read-module.ts";
import { derivePlan } from "../../../src/runtime/prepare/derive-plan.ts";
import { extractModules } from "../../../src/runtime/prepare/extract-modules.ts";
import { linkPastShims } from "../../../src/runtime/prepare/link-past-shims.ts";
import { METER_LIMITS, readShape } from "../../../src/runtime/prepare/meter/index.ts";
import { meterModules, prepare, writtenPlan } from "../../../src/runtime/prepare/prepare.ts";
import { readFixup } from "../../../src/runtime/prepare/shim-modules.ts";
import { translate } from "../../../src/runtime/translate/translate.ts";
import { PREPARE_LIMITS, prepareHere, request } from "../support/runs.ts";
import { WASI_WIT } from "../support/wasi-wit.ts";
import { ECHO, EMPTY_SUCCESS, IMPORT_ABORT, IMPORT_LOG, wat, watComponent } from "../support/wat-component.ts";

const LOG = `(call $log (i32.const 2) (i32.const 3000) (i32.const 5) (i32.const 0) (i32.const 0))`;
const ABORT = `(call $abort (i32.const 3000) (i32.const 5) (i32.const 3000) (i32.const 5) (i32.const 0) (i32.const 0))`;
/** Answers only where `_initialize` has run; logs, and aborts at its second attempt. */
const GUEST = {
  imports: `${IMPORT_LOG} ${IMPORT_ABORT}`,
  fields: `(data (i32.const 3000) "hello") (global $ready (mut i32) (i32.const 0))
    (func (export "_initialize") ${LOG} (global.set $ready (i32.add (global.get $ready) (i32.const 1))))`,
  handle: `(if (i32.ne (global.get $ready) (i32.const 1)) (then unreachable))
    ${LOG} (if (i32.eq (i32.load offset=96 (local.get $context)) (i32.const 2)) (then ${ABORT})) ${ECHO}`,
};

let component: Uint8Array<ArrayBuffer>;
let text: string;

beforeAll(async () => {
  component = await watComponent(GUEST);
  text = await print(component);
});

/** The component's text with something else in it, prepared; some of them trap when they are first run. */
async function changed(...changes: readonly (readonly [from: string | RegExp, to: string])[]): Promise<Artifact> {
  let other = text;
  for (const [from, to] of changes) {
    const next = other.replaceAll(typeof from === "string" ? from : new RegExp(from, "g"), to);
    expect(next).not.toBe(other);
    other = next;
  }
  const bytes = Uint8Array.from(await parse(other));
  return prepare(bytes, await translate(bytes, bytes.length), PREPARE_LIMITS);
}

/** As the component itself has it. */
async function asWritten(bytes: Uint8Array<ArrayBuffer>): Promise<Artifact> {
  const extracted = extractModules(bytes);
  const plan = writtenPlan(derivePlan(extracted));
  return { ...(await prepareHere(bytes)), plan, modules: meterModules(extracted) };
}

async function run(artifact: Artifact, attempt = 1): Promise<RunReport> {
  await using sandbox = createInlineSandbox();
  return sandbox.run(request(artifact, { context: { attempt } }));
}

const HELLO = { level: "info", message: "hello", fieldsJson: "" };

describe("a component as wit-component writes it", () => {
  it("is one instance, which the host initializes", async () => {
    const { plan, modules } = await prepareHere(component);
    expect(modules).toHaveLength(1);
    expect(plan.instantiations).toEqual([
      {
        module: 0,
        imports: [
          { module: "tasker:handler/log@1.0.0", name: "log", from: { trampoline: 0 } },
          { module: "tasker:handler/abort@1.0.0", name: "abort", from: { trampoline: 1 } },
        ],
        initialize: "_initialize",
      },
    ]);
  });

  it.each([1, 2])("ends as with all of its modules, for less fuel (attempt %i)", async (attempt) => {
    const [linked, written] = [await prepareHere(component), await asWritten(component)];
    expect(written.modules).toHaveLength(3);
    const [less, all] = [await run(linked, attempt), await run(written, attempt)];
    expect(less.outcome).toEqual(all.outcome);
    expect(less.outcome.kind).toBe(attempt === 1 ? "success" : "failure");
    expect(less.logs).toEqual([HELLO, HELLO]);
    expect(less.logs).toEqual(all.logs);
    expect(less.usage.fuelUsed).toBeLessThan(all.usage.fuelUsed);
  });

  it("keeps all of its modules where its own start function could call the host before its memory is there", async () => {
    // `describe` runs at a time of its own, so that the upload passes.
    const early = await watComponent({
      wit: WASI_WIT,
      imports: `(import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64))) ${IMPORT_LOG}`,
      handle: EMPTY_SUCCESS,
      fields: `(func $s (if (i64.gt_u (call $now) (i64.const 1000000000)) (then ${LOG}))) (start $s)`,
    });
    const linked = await prepareHere(early);
    expect(linked.modules).toHaveLength(3);
    expect(await run(linked)).toMatchObject({ outcome: { kind: "trap", phase: "instantiate" }, logs: [] });
  });

  it("is left out in whatever order the slots are", async () => {
    const artifact = await changed(
      [/i32\.const 0\n(\s+)call_indirect \(type 0\)/, "i32.const 1\n call_indirect (type 0)"],
      [/i32\.const 1\n(\s+)call_indirect \(type 1\)/, "i32.const 0\n call_indirect (type 1)"],
      ["func 0 1)", "func 1 0)"],
    );
    expect(artifact.modules).toHaveLength(1);
    expect(await run(artifact)).toMatchObject({ outcome: { kind: "success" }, logs: [HELLO, HELLO] });
    expect((await run(artifact, 2)).outcome).toMatchObject({ kind: "failure", message: "hello" });
  });
});

const SHIM_INSTANCE = "(core instance $wit-component-shim-instance (;0;) (instantiate $wit-component-shim-module))";
const MEMORY_ALIAS = `(alias core export $main "memory" (core memory $memory (;0;)))`;
const FIXUP = "(core module $wit-component-fixup (;2;)";

describe("modules that only look like those of wit-component", () => {
  it.each<readonly [what: string, modules: number, changes: readonly (readonly [string | RegExp, string])[]]>([
    ["a shim that does something besides", 3, [["call_indirect (type 0)", "call_indirect (type 0) nop"]]],
    ["a shim with a local", 3, [[/(\(func \(;0;\) \(type 0\) \(param i32 i32 i32 i32 i32\)\n)/, "$1 (local i32)"]]],
    ["a shim that exchanges arguments", 3, [[/local\.get 0\n\s+local\.get 1\n/, "local.get 1\n local.get 0\n"]]],
    [
      "a shim with a global",
      3,
      [["(table (;0;) 2 2 funcref)\n", "(table (;0;) 2 2 funcref) (global i32 (i32.const 0))\n"]],
    ],
    [
      "a shim whose table holds functions",
      3,
      [["(table (;0;) 2 2 funcref)\n", "(table (;0;) 2 2 funcref (ref.func 0))\n"]],
    ],
    ["a table that can grow", 3, [["2 2 funcref", "2 3 funcref"]]],
    ["a table with a slot more", 3, [["2 2 funcref", "3 3 funcref"]]],
    [
      "a segment that fills other slots",
      3,
      [
        ["2 2 funcref", "3 3 funcref"],
        ["(i32.const 0) func 0 1", "(i32.const 1) func 0 1"],
      ],
    ],
    [
      "a shim that calls slots of other types",
      3,
      [
        [/i32\.const 0\n(\s+)call_indirect \(type 0\)/, "i32.const 1\n call_indirect (type 0)"],
        [/i32\.const 1\n(\s+)call_indirect \(type 1\)/, "i32.const 0\n call_indirect (type 1)"],
      ],
    ],
    [
      "a fixup that starts another module",
      4,
      [
        [
          SHIM_INSTANCE,
          `(core module $other (func (export "_initialize"))) (core instance $other (instantiate $other)) ${SHIM_INSTANCE}`,
        ],
        [`(with "main" (instance $main))`, `(with "main" (instance $other))`],
        [/\(;\d+;\)/, ""],
      ],
    ],
    ["a slot that nobody fills", 3, [["func 0 1)", "func 0)"]]],
    ["a fixup with an export", 3, [["(start 2)", `(export "t" (table 0)) (start 2)`]]],
    ["a fixup with a function", 3, [["(start 2)", "(start 2) (func)"]]],
    [
      "a function that has its values in another memory",
      4,
      [
        [
          SHIM_INSTANCE,
          `(core module $other (memory (export "memory") 1)) (core instance $other (instantiate $other)) ${SHIM_INSTANCE}`,
        ],
        [MEMORY_ALIAS, `${MEMORY_ALIAS} (alias core export $other "memory" (core memory $others))`],
        ["(canon lower (func $abort) (memory $memory)", "(canon lower (func $abort) (memory $others)"],
        [/\(;\d+;\)/, ""],
      ],
    ],
    [
      "an instance between the module and its fixup",
      4,
      [
        [FIXUP, `(core module $other) (core instance (instantiate $other)) ${FIXUP}`],
        [/\(;\d+;\)/, ""],
      ],
    ],
    [
      "a table that another module holds",
      4,
      [
        [
          SHIM_INSTANCE,
          `${SHIM_INSTANCE} (core module $other (import "s" "$imports" (table 2 2 funcref)))
        (core instance (instantiate $other (with "s" (instance $wit-component-shim-instance))))`,
        ],
        [/\(;\d+;\)/, ""],
      ],
    ],
    [
      "a function that another module holds",
      4,
      [
        [
          SHIM_INSTANCE,
          `${SHIM_INSTANCE} (core module $other (import "s" "0" (func (param i32 i32 i32 i32 i32))))
        (core instance (instantiate $other (with "s" (instance $wit-component-shim-instance))))`,
        ],
        [/\(;\d+;\)/, ""],
      ],
    ],
  ])("are instantiated: %s", async (_, modules, changes) => {
    const artifact = await changed(...changes);
    expect(artifact.modules).toHaveLength(modules);
    expect(artifact.plan.instantiations.every(({ initialize }) => initialize === undefined)).toBe(true);
  });
});

describe("linkPastShims()", () => {
  it("links no module to functions of other types than it imports", async () => {
    const extracted = extractModules(component);
    const plan = writtenPlan(derivePlan(extracted));
    const [main, ...others] = extracted.modules;
    const imports = GUEST.imports.replace("(param i32 i32 i32 i32 i32)", "(param i32 i64 i32 i32 i32)");
    const other = Uint8Array.from(await parse(wat({ imports, handle: ECHO })));
    expect(linkPastShims(plan, { ...extracted, modules: [main ?? other, ...others] }).instantiations).toHaveLength(1);
    // V8 would not link these; the component's types say so too, but to another process.
    expect(linkPastShims(plan, { ...extracted, modules: [other, ...others] })).toEqual(plan);
  });
});

describe("readFixup()", () => {
  const imports = `(import "a" "0" (func (param i32))) (import "s" "$imports" (table 2 2 funcref)) (import "a" "1" (func))`;

  async function fixup(fields: string): Promise<ReturnType<typeof readFixup>> {
    const bytes = Uint8Array.from(await parse(`(module ${imports} ${fields})`));
    return readFixup({ shape: readShape(bytes, METER_LIMITS), interface: readModule(bytes) });
  }

  it("tells which import fills which slot, and which is started", async () => {
    const filling = await fixup("(start 1) (elem (i32.const 0) func 1 0)");
    expect(filling).toEqual({
      slots: [expect.objectContaining({ at: 2 }), expect.objectContaining({ at: 0 })],
      start: 2,
    });
  });

  // A component whose fixup traps is refused before it comes to this; that is another process's word.
  it.each([
    ["goes beyond its table", "(elem (i32.const 1) func 0 1)"],
    ["is longer than its table", "(elem (i32.const 0) func 0 1 0)"],
    ["is shorter than its table", "(elem (i32.const 0) func 0)"],
    ["is one of two", "(elem (i32.const 0) func 0 1) (elem (i32.const 0) func 1 0)"],
    ["is passive", "(elem func 0 1)"],
    ["is of expressions", "(elem (i32.const 0) funcref (ref.func 0) (ref.func 1))"],
  ])("knows no fixup whose segment %s", async (_, fields) => {
    expect(await fixup(fields)).toBeUndefined();
  });
});
