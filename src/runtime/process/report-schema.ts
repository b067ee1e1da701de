/** What a sandbox process may say. It runs hostile code: every member is checked, in type and in size. */
import { z } from "zod";
import type { FromSandbox } from "./run-wire.ts";

/** The guest's texts are blobs beside the head: see `report-texts.ts`. */
const text = z.string().max(0);
const attributes = z.array(z.never()).max(0);
const short = z.string().max(4_096);
const frames = z.array(z.string().max(2_000)).max(64);
const count = z.int().min(0);
/** The contract's `status-code` is a u16. */
const MAX_STATUS_CODE = 65_535;

const outcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("success"), resultJson: text, metadataJson: text, attributes }),
  z.object({
    kind: z.literal("failure"),
    message: text,
    errorType: text,
    errorCode: text.optional(),
    retryable: z.boolean(),
    statusCode: count.max(MAX_STATUS_CODE).optional(),
    retryAfterMs: count.optional(),
    contextJson: text,
    attributes,
    backtrace: frames,
  }),
  z.object({
    kind: z.literal("checkpoint-yield"),
    cursorJson: text,
    itemsProcessed: count,
    accumulatedJson: text.optional(),
  }),
  z.object({ kind: z.literal("out-of-fuel"), limit: count, backtrace: frames.optional() }),
  z.object({ kind: z.literal("memory-exceeded"), limit: count, backtrace: frames.optional() }),
  z.object({
    kind: z.literal("stack-exhausted"),
    engineStack: z.literal(true).optional(),
    backtrace: frames.optional(),
  }),
  z.object({
    kind: z.literal("trap"),
    phase: z.enum(["instantiate", "lower", "call", "lift", "post-return"]),
    message: short,
    backtrace: frames,
  }),
  z.object({ kind: z.literal("timeout"), limitMs: count }),
  z.object({ kind: z.literal("invalid-result"), reason: short }),
  z.object({
    kind: z.literal("output-exceeded"),
    what: z.enum(["result", "log", "error", "host-calls"]),
    limit: count,
  }),
  z.object({ kind: z.literal("host-call-failed"), capability: short, message: short }),
  z.object({ kind: z.literal("sandbox-lost"), reason: short }),
]);

const report = z.object({
  outcome,
  usage: z.object({ fuelUsed: count, peakMemoryBytes: count, durationMs: z.number().min(0) }),
  logs: z.array(z.never()).max(0),
});

export const fromSandbox: z.ZodType<FromSandbox> = z.object({
  done: z.object({ id: count, report }).optional(),
  started: count.optional(),
});
