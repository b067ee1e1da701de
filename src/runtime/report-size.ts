/**
 * What a report counts against the limits of its run: one rule for the sandbox, which ends a run by it, and for the host,
 * which does not believe that the sandbox did.
 */
import type { RunLimits } from "./limits.ts";
import type { LogLine, Outcome, SaidOutcome } from "./outcome.ts";
import type { Attributes } from "./step-context.ts";
import { unreachable } from "./unreachable.ts";

/** What an empty log line or an empty attribute counts: a million of them are not free. */
export const ENTRY_BYTES = 16;

/** UTF-8 bytes, whatever encoding the guest uses. */
export function lineBytes({ message, fieldsJson }: LogLine): number {
  return Buffer.byteLength(message) + Buffer.byteLength(fieldsJson) + ENTRY_BYTES;
}

/** The outcome, or that it is larger than the run's limits allow. */
export function bounded(outcome: SaidOutcome, limits: RunLimits): Outcome {
  const isFailure = outcome.kind === "failure";
  const limit = isFailure ? limits.maxErrorBytes : limits.maxResultBytes;
  if (saidBytes(outcome) <= limit) return outcome;
  return { kind: "output-exceeded", what: isFailure ? "error" : "result", limit };
}

function saidBytes(outcome: SaidOutcome): number {
  const attributes = attributesOf(outcome);
  const named = attributes.reduce((sum, texts) => sum + bytesOf(texts), attributes.length * ENTRY_BYTES);
  return named + bytesOf(textsOf(outcome));
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

export function attributesOf(outcome: SaidOutcome): Attributes {
  return outcome.kind === "checkpoint-yield" ? [] : outcome.attributes;
}

/** All texts of the guest's but the attributes. */
export function textsOf(outcome: SaidOutcome): readonly string[] {
  switch (outcome.kind) {
    case "success":
      return [outcome.resultJson, outcome.metadataJson];
    case "failure":
      return [outcome.message, outcome.errorType, outcome.errorCode ?? "", outcome.contextJson];
    case "checkpoint-yield":
      return [outcome.cursorJson, outcome.accumulatedJson ?? ""];
    default:
      return unreachable(outcome);
  }
}
