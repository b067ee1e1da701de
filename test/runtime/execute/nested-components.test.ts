/** Components inside a component: their calls cross by the canonical ABI, without jco's adapters. */
import { parse, print } from "@bytecodealliance/jco-transpile/wasm-tools";
import { beforeAll, describe, expect, it } from "vitest";
import { type Artifact, createInlineSandbox, type RunLimits, type RunReport } from "../../../src/runtime/index.ts";
import { asOracle, oracleOf } from "../support/oracle.ts";
import { CONTEXT as STEP, prepareHere, request } from "../support/runs.ts";
import { CONTEXT, success, watComponent, WIT_SOURCE } from "../support/wat-component.ts";

const WIT = `${WIT_SOURCE.replace("import log;", "import local:inner/shout;")}
package local:inner { interface shout { shout: func(text: string) -> string; } }`;

/** Hands its context document to the inner component and returns what comes back. */
const OUTER = {
  wit: WIT,
  imports: `(import "local:inner/shout" "shout" (func $shout (param i32 i32 i32)))`,
  handle: `
    (call $shout
      (i32.load (i32.add (local.get $context) (i32.const ${CONTEXT.context})))
      (i32.load (i32.add (local.get $context) (i32.const ${CONTEXT.context + 4})))
      (i32.const 4000))
    ${success("(i32.load (i32.const 4000))", "(i32.load (i32.const 4004))")}`,
};

/** Makes capitals of ASCII letters, in a memory of its own and in another encoding. */
const INNER = `(component $inner
  (core module $m
    (memory (export "memory") 4)
    (global $heap (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      ;; jco's adapters ask for the worst case first and give back what they did not need.
      (if (local.get 0) (then (return (local.get 0))))
      (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
      (global.get $heap)
      (global.set $heap (i32.add (global.get $heap) (local.get 3))))
    (func (export "shout") (param $at i32) (param $units i32) (result i32)
      (local $next i32) (local $unit i32)
      (local.set $next (local.get $at))
      (block $done (loop $more
        (br_if $done (i32.ge_u (local.get $next) (i32.add (local.get $at) (i32.mul (local.get $units) (i32.const 2)))))
        (local.set $unit (i32.load16_u (local.get $next)))
        (if (i32.and (i32.ge_u (local.get $unit) (i32.const 97)) (i32.le_u (local.get $unit) (i32.const 122)))
          (then (i32.store16 (local.get $next) (i32.sub (local.get $unit) (i32.const 32)))))
        (local.set $next (i32.add (local.get $next) (i32.const 2)))
        (br $more)))
      (i32.store (i32.const 8) (local.get $at))
      (i32.store (i32.const 12) (local.get $units))
      (i32.const 8))
    (func (export "post") (param i32) (global.set $heap (i32.const 1024))))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (alias core export $i "post" (core func $post))
  (alias core export $i "shout" (core func $shout))
  (func $lifted (param "text" string) (result string)
    (canon lift (core func $shout) (memory $memory) (realloc $realloc) (post-return $post) string-encoding=utf16))
  (export "shout" (func $lifted)))`;

/** Both in one component: the outer one's import is the inner one's export. */
async function composed(): Promise<Uint8Array<ArrayBuffer>> {
  const outer = (await print(await watComponent(OUTER))).replace("(component", "(component $outer");
  // Names of the printed text mean something in both components: only the place differs.
  const types = /\(type \$ty-tasker[\s\S]*?\(import "tasker:handler\/types@1\.0\.0" [^\n]*/.exec(outer)?.[0] ?? "";
  const text = `(component
    ${types.replaceAll(/\(;\d+;\)/g, "")}
    ${INNER}
    ${outer}
    (instance $i (instantiate $inner))
    (instance $o (instantiate $outer
      (with "tasker:handler/types@1.0.0" (instance $tasker:handler/types@1.0.0))
      (with "local:inner/shout" (instance $i))))
    (alias export $o "tasker:handler/step-handler@1.0.0" (instance $handler))
    (export "tasker:handler/step-handler@1.0.0" (instance $handler)))`;
  return Uint8Array.from(await parse(text));
}

describe("a component that calls another inside itself", () => {
  let bytes: Uint8Array<ArrayBuffer>;
  let artifact: Artifact;
  beforeAll(async () => {
    bytes = await composed();
    artifact = await prepareHere(bytes);
  });

  async function run(contextJson: string, limits: Partial<RunLimits> = {}): Promise<RunReport> {
    await using sandbox = createInlineSandbox();
    return sandbox.run(request(artifact, { context: { contextJson }, limits }));
  }

  it("gets the answer that jco's own adapters give", async () => {
    const oracle = await oracleOf(bytes);
    for (const contextJson of ['"abc"', '"straße 😀 z"', `"${"x".repeat(20_000)}"`]) {
      const { outcome } = await run(contextJson);
      expect(asOracle(outcome)).toEqual(oracle({ ...STEP, contextJson }).outcome);
      expect(outcome).toMatchObject({
        kind: "success",
        resultJson: contextJson.replaceAll(/[a-z]/g, (c) => c.toUpperCase()),
      });
    }
  });

  it("pays for both and for the way between", async () => {
    const [small, large] = [await run('"x"'), await run(`"${"x".repeat(10_000)}"`)];
    expect(large.usage.fuelUsed - small.usage.fuelUsed).toBeGreaterThan(10_000 * 5);
    expect((await run(`"${"x".repeat(10_000)}"`, { fuel: 20_000 })).outcome.kind).toBe("out-of-fuel");
  });
});
