/**
 * Every component that this repository ships answers as it does through jco's own glue with preview2-shim, whatever the
 * context. `TASKER_ORACLE_RUNS` and `TASKER_ORACLE_SEED` ask for more contexts, or others.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/core/logger.ts";
import {
  type Artifact,
  createProcessSandbox,
  type Outcome,
  prepareComponent,
  type RunLimits,
  type Sandbox,
  type StepContext,
} from "../../../src/runtime/index.ts";
import { asOracle, oracleOf, type OracleRun } from "../support/oracle.ts";
import { LIMITS, PREPARE_LIMITS, request } from "../support/runs.ts";
import { contextsOf, type Corpus } from "./contexts.ts";
import { expectedReport } from "./expected-report.ts";
import { corpusOf, plainContext, SHIPPED } from "./shipped-corpora.ts";

const RUNS = Number(process.env["TASKER_ORACLE_RUNS"] ?? 200);
const SEED = Number(process.env["TASKER_ORACLE_SEED"] ?? 20_261_123);

/** Wide: what is compared is what a component says, not where it is stopped. */
const WIDE: RunLimits = {
  ...LIMITS,
  fuel: 20_000_000_000,
  maxMemoryBytes: 268_435_456,
  maxResultBytes: 16_777_216,
  maxErrorBytes: 1_048_576,
  maxLogBytes: 1_048_576,
};

it("there are components to compare", () => {
  expect(SHIPPED.length).toBeGreaterThanOrEqual(6);
});

interface Prepared {
  readonly artifact: Artifact;
  readonly oracle: (context: StepContext) => OracleRun;
}

const prepared = new Map<string, Prepared>();
const oracles = new Map<string, Prepared["oracle"]>();
let sandbox: Sandbox;

beforeAll(async () => {
  for (const { name, wasmPath } of SHIPPED) {
    const bytes = Uint8Array.from(readFileSync(wasmPath));
    const artifact = await prepareComponent(bytes, PREPARE_LIMITS);
    const oracle = await oracleOf(bytes);
    prepared.set(name, { artifact, oracle });
    for (const callable of artifact.manifest.callables) oracles.set(callable, oracle);
  }
  sandbox = createProcessSandbox({
    namespace: "oracle",
    maxProcesses: 1,
    idleStopMs: 60_000,
    maxResidentBytes: 2_147_483_648,
    logger: silentLogger,
  });
});
afterAll(() => sandbox.stop());

describe.each(SHIPPED)("$name", ({ name }) => {
  let artifact: Artifact;
  let oracle: Prepared["oracle"];
  let corpus: Corpus;

  beforeAll(() => {
    const own = prepared.get(name);
    if (own === undefined) throw new Error(`"${name}" is not prepared`);
    ({ artifact, oracle } = own);
    corpus = corpusOf(name, oracles, artifact.manifest.callables);
  });

  it("answers its own templates' steps with a success", async () => {
    expect(corpus.steps.length).toBeGreaterThan(0);
    for (const step of corpus.steps) {
      const context = plainContext(step, corpus.contexts[0], corpus.results);
      const { outcome } = await sandbox.run(request(artifact, { context }));
      if (outcome.kind !== "success") throw new Error(`${step.stepName}: ${JSON.stringify(outcome)}`);
      expect(JSON.parse(outcome.resultJson)).toEqual(corpus.results.get(step.stepName));
    }
  });

  it("answers as jco's own glue answers, whatever the context", async () => {
    const kinds = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(contextsOf(corpus), async (context) => {
        const { outcome, logs } = await sandbox.run(request(artifact, { context, limits: WIDE }));
        const theirs = asked(oracle, asGuestsSee(context));
        if (theirs === undefined) return;
        const expected = expectedReport(theirs, WIDE);
        kinds.set(outcome.kind, (kinds.get(outcome.kind) ?? 0) + 1);
        expect(comparable(outcome)).toEqual(comparable(expected.outcome));
        expect(logs).toEqual(expected.logs);
        // AssemblyScript's aborts have a position without a stack.
        expect(expected.hasStack && !hasFrames(outcome)).toBe(false);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    // A comparison of refusals alone would prove little, and the oracle must not shirk.
    const compared = [...kinds.values()].reduce((sum, count) => sum + count, 0);
    expect(compared).toBeGreaterThan(RUNS * 0.95);
    expect(kinds.get("success") ?? 0).toBeGreaterThan(RUNS / 10);
    expect(kinds.get("failure") ?? 0).toBeGreaterThan(RUNS / 20);
  });
});

/** Why a result is refused is worded by whoever found it. */
function comparable(outcome: Outcome): unknown {
  return outcome.kind === "invalid-result" ? outcome.kind : asOracle(outcome);
}

function hasFrames(outcome: Outcome): boolean {
  return outcome.kind === "failure" && outcome.backtrace.length > 0;
}

/** Nothing where Node's `encodeInto`, by which jco lowers texts, stops one character short of room that is exact. */
function asked(oracle: Prepared["oracle"], context: StepContext): OracleRun | undefined {
  try {
    return oracle(context);
  } catch (error) {
    if (error instanceof Error && error.message === "failed to encode whole string") return undefined;
    throw error;
  }
}

/**
 * The component model's texts hold no halves of surrogate pairs: we put U+FFFD in their place before any guest sees them.
 * jco does so for guests of UTF-8 and passes them on to guests of UTF-16, so it gets them replaced.
 */
function asGuestsSee(context: StepContext): StepContext {
  return JSON.parse(JSON.stringify(context), (_, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  ) as StepContext;
}
