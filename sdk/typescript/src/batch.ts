import { PermanentError } from "./errors.ts";
import type { JsonValue } from "./json/json-value.ts";
import { success, type Success } from "./outcome.ts";
import type { StepContext } from "./step-context.ts";

/** One worker's share: from `start_cursor` to before `end_cursor`. */
export interface CursorConfig {
  readonly batch_id: string;
  readonly start_cursor: JsonValue;
  readonly end_cursor: JsonValue;
  readonly batch_size: number;
}

/** The result of a `batchable` step, as orchestration reads it. */
export interface BatchResult {
  readonly batch_processing_outcome:
    | { readonly type: "no_batches" }
    | {
        readonly type: "create_batches";
        readonly worker_template_name: string;
        readonly worker_count: number;
        readonly cursor_configs: readonly CursorConfig[];
        readonly total_items: number;
      };
}

/** Cuts `totalItems` into at most `workers` shares of equal size (the last may be smaller): ids `001`, `002`, … */
export function cursorRanges(totalItems: number, workers: number): CursorConfig[] {
  const size = Math.ceil(totalItems / workers);
  const count = size === 0 ? 0 : Math.ceil(totalItems / size);
  return Array.from({ length: count }, (_, index) => {
    const start = index * size;
    const end = Math.min(start + size, totalItems);
    return {
      batch_id: String(index + 1).padStart(3, "0"),
      start_cursor: start,
      end_cursor: end,
      batch_size: end - start,
    };
  });
}

/** Starts one worker step a cursor. `result` is merged into the step's result. */
export function createBatches(
  batches: {
    /** The template's step of type `batch_worker`. */
    readonly workerTemplate: string;
    readonly cursors: readonly CursorConfig[];
    readonly totalItems: number;
  },
  result: Readonly<Record<string, unknown>> = {},
): Success<BatchResult> {
  return success({
    ...result,
    batch_processing_outcome: {
      type: "create_batches",
      worker_template_name: batches.workerTemplate,
      worker_count: batches.cursors.length,
      cursor_configs: batches.cursors,
      total_items: batches.totalItems,
    },
  });
}

/** Nothing to do in batches: orchestration makes one worker that is told so (`batchShare(step).isNoOp`). */
export function noBatches(result: Readonly<Record<string, unknown>> = {}): Success<BatchResult> {
  return success({ ...result, batch_processing_outcome: { type: "no_batches" } });
}

/** What a batch worker is to do. */
export interface BatchShare {
  readonly batchId: string;
  readonly start: JsonValue;
  readonly end: JsonValue;
  readonly size: number;
  /** There is nothing to do: return a success at once. */
  readonly isNoOp: boolean;
}

/** The share of a batch worker's step. Throws `PermanentError` where the step is none. */
export function batchShare(step: StepContext<unknown, unknown>): BatchShare {
  const { cursor, is_no_op: noOp } = step.stepInputs;
  if (typeof cursor !== "object" || cursor === null || !("batch_id" in cursor)) throw noBatch(step);
  const { batch_id: batchId } = cursor;
  if (typeof batchId !== "string") throw noBatch(step);
  return {
    batchId,
    start: cursor["start_cursor"] ?? null,
    end: cursor["end_cursor"] ?? null,
    size: Number(cursor["batch_size"] ?? 0),
    isNoOp: noOp === true,
  };
}

function noBatch(step: StepContext<unknown, unknown>): PermanentError {
  return new PermanentError(
    `Cannot read the batch of step "${step.stepName}": its inputs have no cursor with a batch_id`,
  );
}
