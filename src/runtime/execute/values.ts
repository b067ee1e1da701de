/** Between the words of the runtime and the values of the canonical ABI, field by field as the WIT orders them. */
import type { Manifest } from "../artifact.ts";
import type { SaidOutcome } from "../outcome.ts";
import type { Attributes, CheckpointWords, StepContext } from "../step-context.ts";
import { AbiError } from "./canonical-abi/abi-error.ts";
import type { AbiValue, AbiVariant } from "./canonical-abi/codec.ts";

const NONE: AbiVariant = { case: 0, value: undefined };

function optional(value: AbiValue | undefined): AbiVariant {
  return value === undefined ? NONE : { case: 1, value };
}

function checkpointValue(checkpoint: CheckpointWords): AbiValue {
  return [checkpoint.cursorJson, BigInt(checkpoint.itemsProcessed), optional(checkpoint.accumulatedJson)];
}

/** The parameter of `handle`. */
export function stepContextValue(context: StepContext): AbiValue {
  return [
    context.taskUuid,
    context.stepUuid,
    context.correlationId,
    optional(context.parentCorrelationId),
    context.namespace,
    context.taskName,
    context.taskVersion,
    context.stepName,
    context.templateStepName,
    context.callable,
    optional(context.method),
    context.attempt,
    context.maxAttempts,
    BigInt(context.nowMs),
    BigInt(context.deadlineMs),
    BigInt(context.seed),
    context.contextJson,
    context.inputsJson,
    context.configJson,
    context.dependencyResults.map(({ stepName, resultJson }) => [stepName, resultJson]),
    optional(context.checkpoint === undefined ? undefined : checkpointValue(context.checkpoint)),
    context.attributes.map(([name, value]) => [name, value]),
  ];
}

/** What `handle` said, before anybody looked at sizes or JSON. */
export function outcomeOf(value: AbiValue | undefined): SaidOutcome {
  const chosen = variantOf(value);
  const fields = arrayOf(chosen.value);
  switch (chosen.case) {
    case 0:
      return {
        kind: "success",
        resultJson: textOf(fields[0]),
        metadataJson: textOf(fields[1]),
        attributes: attributesOf(fields[2]),
      };
    case 1:
      return {
        kind: "failure",
        message: textOf(fields[0]),
        errorType: textOf(fields[1]),
        errorCode: optionOf(fields[2], textOf),
        retryable: fields[3] === true,
        statusCode: optionOf(fields[4], numberOf),
        retryAfterMs: optionOf(fields[5], numberOf),
        contextJson: textOf(fields[6]),
        attributes: attributesOf(fields[7]),
        backtrace: [],
      };
    default:
      return {
        kind: "checkpoint-yield",
        cursorJson: textOf(fields[0]),
        itemsProcessed: numberOf(fields[1]),
        accumulatedJson: optionOf(fields[2], textOf),
      };
  }
}

export function manifestOf(value: AbiValue | undefined): Manifest {
  const [name, version, callables, sdk] = arrayOf(value);
  return { name: textOf(name), version: textOf(version), callables: arrayOf(callables).map(textOf), sdk: textOf(sdk) };
}

function attributesOf(value: AbiValue | undefined): Attributes {
  return arrayOf(value).map((pair) => {
    const [name, of] = arrayOf(pair);
    return [textOf(name), textOf(of)];
  });
}

// The codec made the value from the type, so these only tell the compiler; a miss is a mistake of the codec.

function arrayOf(value: AbiValue | undefined): readonly AbiValue[] {
  if (!Array.isArray(value)) throw new TypeError("lifted something else than a list");
  return value;
}

function variantOf(value: AbiValue | undefined): AbiVariant {
  if (typeof value !== "object" || !("case" in value)) throw new TypeError("lifted something else than a case");
  return value;
}

function textOf(value: AbiValue | undefined): string {
  if (typeof value !== "string") throw new TypeError("lifted something else than a text");
  return value;
}

/** Numbers beyond 2^53 − 1 have no exact place in the host. */
function numberOf(value: AbiValue | undefined): number {
  if (typeof value === "bigint" && value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new AbiError(`the number ${value}, at most ${Number.MAX_SAFE_INTEGER} is accepted`);
  }
  return Number(value);
}

function optionOf<T>(value: AbiValue | undefined, read: (value: AbiValue | undefined) => T): T | undefined {
  const chosen = variantOf(value);
  return chosen.case === 0 ? undefined : read(chosen.value);
}
