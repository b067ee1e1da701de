/** What the oracle saw, as the report that we owe: in our words, after the host's last look. */
import { z } from "zod";
import { checkReport } from "../../../src/runtime/check-report.ts";
import type { Outcome, RunLimits, RunReport } from "../../../src/runtime/index.ts";
import { unreachable } from "../../../src/runtime/unreachable.ts";
import type { OracleRun } from "../support/oracle.ts";

const attributes = z.array(z.tuple([z.string(), z.string()]));
const outcome = z.discriminatedUnion("tag", [
  z.object({ tag: z.literal("success"), val: z.object({ result: z.string(), metadata: z.string(), attributes }) }),
  z.object({
    tag: z.literal("failure"),
    val: z.object({
      message: z.string(),
      errorType: z.string(),
      errorCode: z.string().optional(),
      retryable: z.boolean(),
      statusCode: z.number().optional(),
      retryAfterMs: z.bigint().optional(),
      context: z.string(),
      attributes,
    }),
  }),
  z.object({
    tag: z.literal("checkpoint-yield"),
    val: z.object({ cursor: z.string(), itemsProcessed: z.bigint(), accumulated: z.string().optional() }),
  }),
  z.object({ tag: z.literal("trap") }),
]);

/** The attribute in which the SDKs hand over the engine's stack; a report has frames instead. */
const STACK = "stack";

export interface ExpectedReport {
  readonly outcome: Outcome;
  readonly logs: RunReport["logs"];
  /** Whether the guest handed over a stack, so that there must be frames. */
  readonly hasStack: boolean;
}

export function expectedReport(run: OracleRun, limits: RunLimits): ExpectedReport {
  const said = outcome.parse(run.outcome);
  const usage = { fuelUsed: 0, peakMemoryBytes: 0, durationMs: 0 };
  const report = checkReport({ outcome: outcomeOf(said), usage, logs: run.logs }, limits);
  return {
    outcome: report.outcome,
    logs: report.logs,
    hasStack: said.tag === "failure" && said.val.attributes.some(([name]) => name === STACK),
  };
}

function outcomeOf(said: z.infer<typeof outcome>): Outcome {
  switch (said.tag) {
    case "success":
      return {
        kind: "success",
        resultJson: said.val.result,
        metadataJson: said.val.metadata,
        attributes: said.val.attributes,
      };
    case "failure": {
      const { retryAfterMs, context, attributes: named, ...same } = said.val;
      if (retryAfterMs !== undefined && isBeyondNumbers(retryAfterMs)) return BEYOND_NUMBERS;
      return {
        kind: "failure",
        ...same,
        retryAfterMs: retryAfterMs === undefined ? undefined : Number(retryAfterMs),
        contextJson: context,
        attributes: named.filter(([name]) => name !== STACK),
        backtrace: [],
      };
    }
    case "checkpoint-yield": {
      const { cursor, itemsProcessed, accumulated } = said.val;
      if (isBeyondNumbers(itemsProcessed)) return BEYOND_NUMBERS;
      return {
        kind: "checkpoint-yield",
        cursorJson: cursor,
        itemsProcessed: Number(itemsProcessed),
        accumulatedJson: accumulated,
      };
    }
    case "trap":
      return { kind: "trap", phase: "call", message: "", backtrace: [] };
    default:
      return unreachable(said);
  }
}

const BEYOND_NUMBERS: Outcome = { kind: "invalid-result", reason: "a number beyond 2^53 - 1" };

function isBeyondNumbers(value: bigint): boolean {
  return value > BigInt(Number.MAX_SAFE_INTEGER);
}
