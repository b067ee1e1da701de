import { isTaskerError } from "../../src/core/errors/index.ts";
import { type PrepareLimits, prepareComponent } from "../../src/runtime/index.ts";
import type { PrepareStage } from "../../src/runtime/prepare-component.ts";
import { checkBytes } from "../../src/runtime/translate/check-bytes.ts";
import { checkNames } from "../../src/runtime/translate/check-names.ts";

/** How far a mutant came. Each stage includes the ones before it. */
export const STAGES = [
  "refused at the preamble",
  "past the preamble",
  "past our checks",
  "past transpilation",
  "artifact",
] as const;
export type Stage = (typeof STAGES)[number];

export interface Verdict {
  readonly stage: Stage;
  /** Undefined for an artifact. */
  readonly code: string | undefined;
}

export const LIMITS: PrepareLimits = {
  maxComponentBytes: 33_554_432,
  timeoutMs: 20_000,
  maxResidentBytes: 1_073_741_824,
  describeFuel: 1_000_000_000,
  describeMemoryBytes: 134_217_728,
};

/**
 * What the gate says to a mutant. Our own checks run here first, because they are the same code and refuse most of them
 * without a process; the rest goes the whole way, through both processes. Rejects for whatever is no refusal.
 */
export async function tryMutant(bytes: Uint8Array<ArrayBuffer>): Promise<Verdict> {
  try {
    checkNames(checkBytes(bytes, LIMITS.maxComponentBytes));
  } catch (error) {
    const code = refusalCode(error);
    return { stage: code === "TSK_COMPONENT_NOT_A_COMPONENT" ? "refused at the preamble" : "past the preamble", code };
  }
  // The translate process ends where jco has translated the component; what comes after is ours.
  let stage: Stage = "past our checks";
  const onStage = (entered: PrepareStage): void => {
    if (entered !== "translate") stage = "past transpilation";
  };
  try {
    await prepareComponent(bytes, LIMITS, { onStage });
    return { stage: "artifact", code: undefined };
  } catch (error) {
    return { stage, code: refusalCode(error) };
  }
}

function refusalCode(error: unknown): string {
  if (isTaskerError(error) && error.code.startsWith("TSK_COMPONENT_") && error.code !== "TSK_COMPONENT_METER_FAILED") {
    return error.code;
  }
  throw error;
}
