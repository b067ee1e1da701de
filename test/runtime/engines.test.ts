/** Real language runtimes through the whole road, and against jco's own glue. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import {
  type Artifact,
  createInlineSandbox,
  createProcessSandbox,
  decodeArtifact,
  encodeArtifact,
  prepareComponent,
  type RunReport,
  type Sandbox,
  type StepContext,
} from "../../src/runtime/index.ts";
import { quickJsComponent, starlingMonkeyComponent } from "./support/javascript-component.ts";
import { asOracle, oracleOf, type OracleRun } from "./support/oracle.ts";
import { refusalOf } from "./support/refusals.ts";
import { CONTEXT, PREPARE_LIMITS, request } from "./support/runs.ts";
import { ECHO, IMPORT_LOG, watComponent } from "./support/wat-component.ts";

const SOURCE = `
import { log } from "tasker:handler/log@1.0.0";
let count = 0;
export const stepHandler = {
  describe: () => ({ name: "echo", version: "1.0.0", callables: ["test"], sdk: "none/0" }),
  handle(context) {
    count += 1;
    const input = JSON.parse(context.context);
    log("info", "step " + context.stepName, JSON.stringify({ attempt: context.attempt }));
    if (input?.loop) for (;;);
    if (input?.grow) { const kept = []; for (;;) kept.push(new Uint8Array(1000000)); }
    if (input?.recurse) { const down = (n) => [down(n + 1)]; try { down(0); } catch (error) { return success({ caught: error.constructor.name }); } }
    if (input?.fail) return { tag: "failure", val: { message: "no: ü", errorType: "E", errorCode: undefined, retryable: false, statusCode: 503, retryAfterMs: u64(context, 1500), context: "{}", attributes: [["a", "b"]] } };
    if (input?.yield) return { tag: "checkpoint-yield", val: { cursor: "3", itemsProcessed: u64(context, 4503599627370497), accumulated: undefined } };
    return success({ count, seed: String(context.seed), inputs: context.inputs, dependencies: context.dependencyResults, checkpoint: context.checkpoint && { cursor: context.checkpoint.cursor, items: String(context.checkpoint.itemsProcessed) }, attributes: context.attributes, parent: context.parentCorrelationId ?? null, echo: context.context });
  },
};
// QuickJS hands a u64 over as a number, StarlingMonkey as a bigint.
const u64 = (context, value) => (typeof context.nowMs === "bigint" ? BigInt(value) : value);
const success = (value) => ({ tag: "success", val: { result: JSON.stringify(value), metadata: "{}", attributes: [] } });
`;

const ENGINES = [
  { name: "QuickJS", component: () => quickJsComponent(SOURCE) },
  { name: "StarlingMonkey", component: () => starlingMonkeyComponent(SOURCE) },
];

describe.each(ENGINES)("$name", ({ component }) => {
  let bytes: Uint8Array<ArrayBuffer>;
  let artifact: Artifact;
  let sandbox: Sandbox;
  let oracle: (context: StepContext) => OracleRun;

  beforeAll(async () => {
    bytes = await component();
    artifact = await prepareComponent(bytes, PREPARE_LIMITS);
    sandbox = createProcessSandbox({
      namespace: "test",
      maxProcesses: 1,
      idleStopMs: 60_000,
      maxResidentBytes: 1_073_741_824,
      logger: silentLogger,
    });
    oracle = await oracleOf(bytes);
  });
  afterAll(() => sandbox.stop());

  function run(context: Partial<StepContext>): Promise<RunReport> {
    return sandbox.run(request(artifact, { context, limits: { maxMemoryBytes: 67_108_864, fuel: 500_000_000 } }));
  }

  it("says what it serves", () => {
    expect(artifact.manifest.callables).toEqual(["test"]);
    expect(artifact.exports).toContain("tasker:handler/step-handler@1.0.0");
  });

  it("comes back from storage as it went", () => {
    const { modules, ...rest } = decodeArtifact(encodeArtifact(artifact));
    expect(rest).toEqual(Object.fromEntries(Object.entries(artifact).filter(([name]) => name !== "modules")));
    expect(modules.map(({ bytes: _bytes, ...described }) => described)).toEqual(
      artifact.modules.map(({ bytes: _bytes, ...described }) => described),
    );
    expect(modules.every(({ bytes: own }, at) => Buffer.from(own).equals(artifact.modules[at]?.bytes ?? own))).toBe(
      true,
    );
  });

  it("charges one step the same every time, and keeps nothing from step to step", async () => {
    const reports = await Promise.all(Array.from({ length: 50 }, () => run({})));
    expect(new Set(reports.map(({ usage }) => usage.fuelUsed)).size).toBe(1);
    expect(new Set(reports.map(({ outcome }) => JSON.stringify(outcome))).size).toBe(1);
    expect(JSON.stringify(reports[0]?.outcome)).toContain('{\\"count\\":1,');
    expect(reports[0]?.logs).toEqual([{ level: "info", message: "step first", fieldsJson: '{"attempt":1}' }]);
  });

  it.each([
    ['{"loop":true}', "out-of-fuel"],
    ['{"grow":true}', "memory-exceeded"],
  ])("answers %s with %s", async (contextJson, kind) => {
    expect((await run({ contextJson })).outcome.kind).toBe(kind);
  });

  it("survives its own recursion or ends it, the same way every time", async () => {
    const outcomes = await Promise.all([1, 2, 3].map(() => run({ contextJson: '{"recurse":true}' })));
    expect(["success", "stack-exhausted"]).toContain(outcomes[0]?.outcome.kind);
    expect(new Set(outcomes.map(({ outcome, usage }) => JSON.stringify([outcome, usage.fuelUsed]))).size).toBe(1);
  });

  it("answers as jco's own glue answers, whatever the context", async () => {
    const text = fc.string({ unit: "binary", maxLength: 20 });
    const json = fc.jsonValue({ stringUnit: "binary" }).map((value) => JSON.stringify(value));
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          stepName: text,
          parentCorrelationId: fc.option(text, { nil: undefined }),
          attempt: fc.integer({ min: 1, max: 0xffff_ffff }),
          seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
          contextJson: fc.oneof(json, fc.constantFrom('{"fail":true}', '{"yield":true}', `"${"€".repeat(50_000)}"`)),
          inputsJson: json,
          dependencyResults: fc.array(fc.record({ stepName: text, resultJson: json }), { maxLength: 4 }),
          attributes: fc.array(fc.tuple(text, text), { maxLength: 3 }),
          checkpoint: fc.option(
            fc.record({
              cursorJson: json,
              itemsProcessed: fc.maxSafeNat(),
              accumulatedJson: fc.option(json, { nil: undefined }),
            }),
            { nil: undefined },
          ),
        }),
        async (changes) => {
          const context = { ...CONTEXT, ...changes };
          const { outcome, logs } = await run(changes);
          const expected = oracle(context);
          // A U+0000 that the guest escapes into its result is refused by the host; the oracle has no host.
          if (outcome.kind === "invalid-result" && JSON.stringify(expected.outcome).includes("\\\\u0000")) return;
          expect(asOracle(outcome)).toEqual(expected.outcome);
          expect(logs.map(({ level, message }) => `${level}: ${message}`)).toEqual(
            expected.logs.map(({ level, message }) => `${level}: ${message.replaceAll("\0", "\uFFFD")}`),
          );
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("hand-written guests", () => {
  it.each(["utf8", "utf16"] as const)("answer as jco's own glue answers, in %s", async (encoding) => {
    const handle = encoding === "utf8" ? ECHO : ECHO.replace("(i32.const 1200)", "(i32.const 1210)");
    const bytes = await watComponent({ handle, imports: IMPORT_LOG, encoding });
    const artifact = await prepareComponent(bytes, PREPARE_LIMITS);
    const oracle = await oracleOf(bytes);
    await using sandbox = createInlineSandbox();
    for (const contextJson of ['""', '"ü 😀 \uFFFD"', `"${"😀".repeat(30_000)}"`, "9007199254740993"]) {
      const { outcome } = await sandbox.run(request(artifact, { context: { contextJson } }));
      expect(asOracle(outcome)).toEqual(oracle({ ...CONTEXT, contextJson }).outcome);
    }
  });
});

describe("prepareComponent()", () => {
  it.each([
    [
      "in the start function",
      { fields: `(func $start (loop $again (br $again))) (start $start)` },
      { timeoutMs: 1_000, describeFuel: 100_000_000_000_000 },
      "TSK_COMPONENT_PREPARE_LIMIT",
    ],
    [
      "in memory",
      {
        memory: "2000",
        fields: `(func $start (memory.fill (i32.const 0) (i32.const 1) (i32.const 131072000)) (loop $again (br $again))) (start $start)`,
      },
      { maxResidentBytes: 150_000_000, describeFuel: 100_000_000_000_000 },
      "TSK_COMPONENT_PREPARE_LIMIT",
    ],
    ["in size", {}, { maxComponentBytes: 100 }, "TSK_COMPONENT_TOO_LARGE"],
  ])("bounds what an upload costs %s, and prepares the next one", async (_, guest, limits, code) => {
    const hostile = await watComponent({ handle: ECHO, ...guest });
    expect(await refusalOf(() => prepareComponent(hostile, { ...PREPARE_LIMITS, ...limits }))).toBe(code);
    const good = await watComponent({ handle: ECHO });
    expect((await prepareComponent(good, PREPARE_LIMITS)).manifest.name).toBe("wat");
  });

  it("refuses what its processes refuse, with their code", async () => {
    expect(await refusalOf(() => prepareComponent(Uint8Array.from(Buffer.from("no")), PREPARE_LIMITS))).toBe(
      "TSK_COMPONENT_NOT_A_COMPONENT",
    );
  });

  it("refuses a damaged artifact", async () => {
    const good = encodeArtifact(await prepareComponent(await watComponent({ handle: ECHO }), PREPARE_LIMITS));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Uint8Array.from(good);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        expect(() => decodeArtifact(damaged)).toThrow(
          expect.objectContaining({ code: "TSK_COMPONENT_ARTIFACT_CORRUPT" }),
        );
      }),
      { numRuns: 200 },
    );
  });
});
