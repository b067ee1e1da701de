import type { Outcome } from "../../runtime/index.ts";
import { type ExactValue, parseExactValue } from "./exact-values.ts";

/** An outcome as fixtures spell it: `outcome` names its kind, the other members are what is known of that kind. */
export function outcomeValue(outcome: Outcome): { readonly [key: string]: ExactValue } {
  switch (outcome.kind) {
    case "success":
      return {
        outcome: "success",
        result: parseExactValue(outcome.resultJson),
        ...(outcome.metadataJson !== "{}" && { metadata: parseExactValue(outcome.metadataJson) }),
      };
    case "failure":
      return {
        outcome: "failure",
        message: outcome.message,
        error_type: outcome.errorType,
        retryable: outcome.retryable,
        ...(outcome.errorCode !== undefined && { error_code: outcome.errorCode }),
        ...(outcome.statusCode !== undefined && { status_code: outcome.statusCode }),
        ...(outcome.retryAfterMs !== undefined && { retry_after_ms: outcome.retryAfterMs }),
        ...(outcome.contextJson !== "{}" && { context: parseExactValue(outcome.contextJson) }),
      };
    case "checkpoint-yield":
      return {
        outcome: "checkpoint-yield",
        cursor: parseExactValue(outcome.cursorJson),
        items_processed: outcome.itemsProcessed,
        ...(outcome.accumulatedJson !== undefined && { accumulated: parseExactValue(outcome.accumulatedJson) }),
      };
    case "out-of-fuel":
    case "memory-exceeded":
      return { outcome: outcome.kind, limit: outcome.limit };
    case "output-exceeded":
      return { outcome: outcome.kind, what: outcome.what, limit: outcome.limit };
    case "timeout":
      return { outcome: outcome.kind, limit_ms: outcome.limitMs };
    case "trap":
      return { outcome: outcome.kind, phase: outcome.phase, message: outcome.message };
    case "invalid-result":
    case "sandbox-lost":
      return { outcome: outcome.kind, reason: outcome.reason };
    case "host-call-failed":
      return { outcome: outcome.kind, capability: outcome.capability, message: outcome.message };
    case "stack-exhausted":
      return { outcome: outcome.kind };
    default:
      return outcome satisfies never;
  }
}
