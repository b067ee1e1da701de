import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { ImportObject } from "../../../src/runtime/execute/import-objects.ts";
import { meterGlobals } from "../../../src/runtime/execute/meter-state.ts";
import { METER_NAMESPACE } from "../../../src/runtime/prepare/meter/index.ts";
import { wasm } from "../meter/wasm-text.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: unknown = runInNewContext("gc");

it("links what it is given, and keeps nothing of it for the next run", async () => {
  const bytes = await wasm(`(module
    (import "${METER_NAMESPACE}" "memory-0" (memory 1))
    (import "__proto__" "__proto__" (func $f (result i32)))
    (func (export "both") (result i32) (i32.add (i32.load8_u (i32.const 7)) (call $f))))`);
  const memories = [{ importName: "memory-0", minPages: 1 }];
  const imports = [{ module: "__proto__", name: "__proto__", from: { trampoline: 0 } }];
  const given = new ImportObject({ module: 0, imports }, { memories }, meterGlobals());
  const module = new WebAssembly.Module(bytes);
  const run = (byte: number): WeakRef<WebAssembly.Memory> => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    new Uint8Array(memory.buffer)[7] = byte;
    const { both } = given.instantiate(module, [memory], () => () => 100).exports;
    expect(typeof both === "function" && both()).toBe(100 + byte);
    return new WeakRef(memory);
  };
  const dropped = [run(1), run(2)];
  await new Promise((resolve) => setImmediate(resolve));
  if (typeof collectGarbage === "function") collectGarbage();
  expect(dropped.map((memory) => memory.deref())).toEqual([undefined, undefined]);
});
