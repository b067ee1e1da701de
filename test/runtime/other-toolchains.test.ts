/** Components that other toolchains made of their languages' standard libraries: see docs/other-toolchains.md. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import {
  type Artifact,
  createProcessSandbox,
  prepareComponent,
  type RunReport,
  type Sandbox,
} from "../../src/runtime/index.ts";
import { CONTEXT, PREPARE_LIMITS, request } from "./support/runs.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/toolchains");

describe.each(["rust", "go", "c"])("a component made with %s", (name) => {
  let artifact: Artifact;
  let sandbox: Sandbox;

  beforeAll(async () => {
    artifact = await prepareComponent(wordsComponent(name), PREPARE_LIMITS);
    sandbox = createProcessSandbox({
      namespace: "test",
      maxProcesses: 1,
      idleStopMs: 60_000,
      maxResidentBytes: 1_073_741_824,
      logger: silentLogger,
    });
  });
  afterAll(() => sandbox.stop());

  const run = (contextJson: string, seed = CONTEXT.seed): Promise<RunReport> =>
    sandbox.run(request(artifact, { context: { contextJson, seed } }));

  it("says what it serves", () => {
    expect(artifact.manifest).toMatchObject({ name: `${name}-words`, version: "1.0.0", callables: [`${name}_words`] });
  });

  it("counts words with the maps, texts, formats and streams of its standard library", async () => {
    const { outcome, logs } = await run('{"text":"b a b ü\\n b"}');
    expect(resultOf(outcome).words).toEqual({ a: 1, b: 3, ü: 1 });
    expect(logs).toContainEqual({ level: "info", message: "counted 5 words", fieldsJson: "" });
    expect(logs).toContainEqual({ level: "warn", message: "  3.0 of them differ", fieldsJson: "" });
    const [own] = logs.filter(({ message }) => message === "step first");
    expect(JSON.parse(own?.fieldsJson ?? "null")).toEqual({ attempt: 1 });
  });

  it("reads a context as jsonb writes it", async () => {
    const { outcome } = await run('{"text": "a b", "more": {"n": 1}}');
    expect(resultOf(outcome).words).toEqual({ a: 1, b: 1 });
  });

  it("sees the step's time, no variables and no files", async () => {
    const { outcome } = await run('{"text":""}');
    expect(resultOf(outcome)).toMatchObject({ now: CONTEXT.nowMs, elapsed: 0, variables: 0, file: false });
  });

  it("draws its randomness from the step's seed, and costs the same every time", async () => {
    const text = '{"text":"one two"}';
    const [first, again, other] = [await run(text), await run(text), await run(text, "7")];
    expect(resultOf(first.outcome).random).toMatch(/^[0-9a-f]{16}$/);
    expect(again.outcome).toEqual(first.outcome);
    expect(again.usage.fuelUsed).toBe(first.usage.fuelUsed);
    expect(resultOf(other.outcome).random).not.toBe(resultOf(first.outcome).random);
  });

  it("reports a failure of its own", async () => {
    const { outcome } = await run("{}");
    expect(outcome).toMatchObject({
      kind: "failure",
      message: 'the context has no member "text"',
      errorType: "InvalidContext",
      retryable: false,
    });
  });

  it("traps where its language gives up, with the reason in the log", async () => {
    const { outcome, logs } = await run('{"panic":true}');
    expect(outcome).toMatchObject({ kind: "trap", phase: "call" });
    expect(logs.map(({ message }) => message).join("\n")).toContain("as the context wishes");
    expect((await run('{"text":"after"}')).outcome.kind).toBe("success");
  });
});

/** Go's is kept compressed. */
function wordsComponent(name: string): Uint8Array<ArrayBuffer> {
  const path = join(FIXTURES, name, `${name}-words.wasm`);
  return Uint8Array.from(existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`)));
}

function resultOf(outcome: RunReport["outcome"]): Record<string, unknown> {
  if (outcome.kind !== "success") throw new Error(`not a success: ${JSON.stringify(outcome)}`);
  return JSON.parse(outcome.resultJson) as Record<string, unknown>;
}
