/** Components inside a component: their calls cross by the canonical ABI, without jco's adapters. */
import { parse, print } from "@bytecodealliance/jco-transpile/wasm-tools";
import { beforeAll, describe, expect, it } from "vitest";
import { type Artifact, createInlineSandbox, type RunLimits, type RunReport } from "../../../src/runtime/index.ts";
import { refusalOf } from "../support/refusals.ts";
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

/** What the inner component calls on its way, besides. */
interface Detour {
  /** Definitions that come first; one of them is the core function `$detour`. */
  readonly definitions: string;
  /** Where the call stands: in the function, or in a start function. */
  readonly start: boolean;
}

/** Makes capitals of ASCII letters, in a memory of its own and in another encoding. */
function inner(detour?: Detour): string {
  const call = detour === undefined ? "" : "(call $detour)";
  return `(component $inner
  ${detour?.definitions ?? ""}
  (core module $m
    ${detour === undefined ? "" : `(import "a" "detour" (func $detour))`}
    ${detour?.start ? `(func $s ${call}) (start $s)` : ""}
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
      ${call}
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
  (core instance $i (instantiate $m ${detour === undefined ? "" : `(with "a" (instance (export "detour" (func $detour))))`}))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (alias core export $i "post" (core func $post))
  (alias core export $i "shout" (core func $shout))
  (func $lifted (param "text" string) (result string)
    (canon lift (core func $shout) (memory $memory) (realloc $realloc) (post-return $post) string-encoding=utf16))
  (export "shout" (func $lifted)))`;
}

/** A function of the inner component itself, lowered there. */
const SELF = `
  (core module $own (func (export "f")))
  (core instance $own (instantiate $own))
  (func $own (canon lift (core func $own "f")))`;
const ELSEWHERE = `
  (component $child
    (core module $n (func (export "go")))
    (core instance $n (instantiate $n))
    (func $go (canon lift (core func $n "go")))
    (export "go" (func $go)))
  (instance $child (instantiate $child))
  (core func $detour (canon lower (func $child "go")))`;
const OF_ITSELF = `${SELF} (core func $detour (canon lower (func $own)))`;

/** A component inside the inner one, which calls back what it was given. */
const BY_ITS_CHILD = `${SELF}
  (component $child
    (import "back" (func $back))
    (core func $lowered (canon lower (func $back)))
    (core module $n (import "a" "f" (func $f)) (func (export "go") (call $f)))
    (core instance $n (instantiate $n (with "a" (instance (export "f" (func $lowered))))))
    (func $go (canon lift (core func $n "go")))
    (export "go" (func $go)))
  (instance $child (instantiate $child (with "back" (func $own))))
  (core func $detour (canon lower (func $child "go")))`;

/** Both in one component: the outer one's import is the inner one's export. */
async function composed(detour?: Detour): Promise<Uint8Array<ArrayBuffer>> {
  const outer = (await print(await watComponent(OUTER))).replace("(component", "(component $outer");
  // Names of the printed text mean something in both components: only the place differs.
  const types = /\(type \$ty-tasker[\s\S]*?\(import "tasker:handler\/types@1\.0\.0" [^\n]*/.exec(outer)?.[0] ?? "";
  const text = `(component
    ${types.replaceAll(/\(;\d+;\)/g, "")}
    ${inner(detour)}
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

describe("a component instance that would be entered while its own call is under way", () => {
  it.each([
    ["by itself", OF_ITSELF],
    ["by a component that it calls", BY_ITS_CHILD],
  ])("traps the call: %s", async (_, definitions) => {
    const artifact = await prepareHere(await composed({ definitions, start: false }));
    await using sandbox = createInlineSandbox();
    expect((await sandbox.run(request(artifact))).outcome).toMatchObject({
      kind: "trap",
      phase: "call",
      message: expect.stringContaining("a component instance"),
    });
  });

  it("traps a start function that calls its own instance", async () => {
    const bytes = await composed({ definitions: OF_ITSELF, start: true });
    expect(await refusalOf(() => prepareHere(bytes))).toBe("TSK_COMPONENT_DESCRIBE_FAILED");
  });

  it("lets a start function call another instance", async () => {
    const artifact = await prepareHere(await composed({ definitions: ELSEWHERE, start: true }));
    await using sandbox = createInlineSandbox();
    expect((await sandbox.run(request(artifact, { context: { contextJson: '"a"' } }))).outcome).toMatchObject({
      kind: "success",
      resultJson: '"A"',
    });
  });

  it("takes call depth for the host's frames between two components", async () => {
    const artifact = await prepareHere(await composed());
    await using sandbox = createInlineSandbox();
    const kinds: string[] = [];
    for (const maxCallDepth of [12, 40]) {
      kinds.push((await sandbox.run(request(artifact, { limits: { maxCallDepth } }))).outcome.kind);
    }
    expect(kinds).toEqual(["stack-exhausted", "success"]);
  });
});
