/** From an upload to an artifact, through two disposable processes that the host does not trust. */
import { z } from "zod";
import { type Clock, systemClock } from "../core/clock.ts";
import { type ErrorCode, ERROR_CATALOGUE, TaskerError } from "../core/errors/index.ts";
import type { Artifact } from "./artifact.ts";
import { decodeArtifact, manifestSchema } from "./artifact-codec.ts";
import { GATE_LIMITS } from "./component/gate-limits.ts";
import type { ComponentErrorCode } from "./component/refuse.ts";
import { refuse } from "./component/refuse.ts";
import type { PrepareLimits } from "./limits.ts";
import type { RecordedPlan } from "./link-plan.ts";
import { checkManifest } from "./prepare/check-manifest.ts";
import type { Child } from "./process/child-process.ts";
import type { Frame } from "./process/frames.ts";
import type { PrepareRequest, TranslateRequest } from "./process/prepare-requests.ts";
import type { GateKind, ReadyChild } from "./process/ready-child.ts";
import { endOf, SpareChildren } from "./process/spare-children.ts";

/** Where an upload is: in the translate process, in the prepare process, or answering `describe` there. */
export type PrepareStage = "translate" | "prepare" | "describe";

export interface PrepareOptions {
  readonly clock?: Clock;
  /** Called as the upload enters each stage; a refusal belongs to the last one called. */
  readonly onStage?: (stage: PrepareStage) => void;
}

/**
 * The artifact of a component. Both processes end before this returns, whatever the component does.
 * @throws a `TaskerError` with a `TSK_COMPONENT_` code where the component is refused.
 */
export async function prepareComponent(
  bytes: Uint8Array<ArrayBuffer>,
  limits: PrepareLimits,
  options: PrepareOptions = {},
): Promise<Artifact> {
  if (bytes.length > limits.maxComponentBytes) {
    refuse("TSK_COMPONENT_TOO_LARGE", `${bytes.length} bytes`, `at most ${limits.maxComponentBytes}`);
  }
  // Both start at once: the second loads its code while the first works.
  const heapMegabytes = heapOf(limits);
  const translating = spares.take("translate", heapMegabytes);
  const preparing = spares.take("prepare", heapMegabytes);
  try {
    const recorded = await translateInProcess(translating, bytes, limits, options);
    return await prepareInProcess(preparing, bytes, { recorded, limits }, options);
  } finally {
    // Also one that was never asked, because the other refused.
    void endOf(preparing);
    spares.refill();
  }
}

const spares = new SpareChildren();

/** Has the processes of the next upload running before it comes, until disposed of: for a host whose author waits. */
export function keepPreparersReady(limits: Pick<PrepareLimits, "maxResidentBytes">): Disposable {
  return spares.keep(heapOf(limits));
}

function heapOf({ maxResidentBytes }: Pick<PrepareLimits, "maxResidentBytes">): number {
  return Math.ceil(maxResidentBytes / MEGABYTE);
}

async function translateInProcess(
  child: Promise<ReadyChild>,
  bytes: Uint8Array<ArrayBuffer>,
  limits: PrepareLimits,
  options: PrepareOptions,
): Promise<RecordedPlan> {
  const request: TranslateRequest = { maxComponentBytes: limits.maxComponentBytes };
  const [answer] = await converse({ kind: "translate", child }, request, bytes, ["translate"], limits, options);
  return parse(z.object({ plan: recordedPlan }), answer).plan;
}

async function prepareInProcess(
  child: Promise<ReadyChild>,
  bytes: Uint8Array<ArrayBuffer>,
  request: PrepareRequest,
  options: PrepareOptions,
): Promise<Artifact> {
  // The artifact arrives before any code of the upload has run, so that code cannot have changed it.
  const stages = ["prepare", "describe"] as const;
  const [made, described] = await converse({ kind: "prepare", child }, request, bytes, stages, request.limits, options);
  parse(z.object({ artifact: z.literal(true) }), made);
  const artifact = decodeArtifact(made?.blobs[0] ?? Buffer.alloc(0));
  const { manifest, fuel } = parse(z.object({ description }), described).description;
  checkManifest(manifest);
  return { ...artifact, manifest, describeFuel: fuel };
}

/** Asks a fresh process one thing and waits for a frame of each stage, a refusal, its death, or the end of patience. */
async function converse(
  asked: { readonly kind: GateKind; readonly child: Promise<ReadyChild> },
  request: TranslateRequest | PrepareRequest,
  component: Uint8Array<ArrayBuffer>,
  stages: readonly PrepareStage[],
  limits: PrepareLimits,
  { clock = systemClock, onStage }: PrepareOptions,
): Promise<readonly Frame[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Frame[]>();
  const frames: Frame[] = [];
  const enter = (stage: PrepareStage | undefined): void => {
    if (stage !== undefined) onStage?.(stage);
  };
  enter(stages[0]);
  const ready = await asked.child;
  const child = ready.listen({
    maxFrameBytes: () => component.length * ARTIFACT_GROWTH + HEADER_BYTES,
    onFrame: (frame) => {
      const refused = z.object({ refusal }).safeParse(frame.head);
      if (refused.success) return reject(raise(refused.data.refusal));
      frames.push(frame);
      enter(stages[frames.length]);
      if (frames.length === stages.length) resolve(frames);
    },
    onExit: (reason) => reject(lost(asked.kind, reason)),
  });
  const ended = new AbortController();
  void watch(child, limits, clock, ended.signal, reject);
  try {
    child.send(request, [component]);
    return await promise;
  } finally {
    ended.abort();
    child.kill("its work is done");
  }
}

const MEGABYTE = 1_048_576;
/** Metered code is up to 1.6 times as long; custom sections and plans stay what they are. */
const ARTIFACT_GROWTH = 3;
const HEADER_BYTES = 16 * MEGABYTE;
const WATCH_MS = 100;

/** Ends the process when its time or its resident memory is used up. */
async function watch(
  child: Child,
  { timeoutMs, maxResidentBytes }: PrepareLimits,
  clock: Clock,
  ended: AbortSignal,
  reject: (error: TaskerError) => void,
): Promise<void> {
  const deadline = clock.now() + timeoutMs;
  while (!ended.aborted) {
    await clock.wait(Math.min(WATCH_MS, Math.max(0, deadline - clock.now())), ended);
    if (ended.aborted) return;
    const resident = child.residentBytes();
    if (resident > maxResidentBytes) {
      return reject(overLimit(`${resident} bytes of resident memory`, `at most ${maxResidentBytes}`));
    }
    if (clock.now() >= deadline) return reject(overLimit(`more than ${timeoutMs} ms`, `at most ${timeoutMs} ms`));
  }
}

function overLimit(found: string, accepted: string): TaskerError {
  return new TaskerError("TSK_COMPONENT_PREPARE_LIMIT", {
    attempted: "Cannot prepare the component",
    found: `it took ${found}`,
    accepted,
  });
}

function lost(kind: GateKind, reason: string): TaskerError {
  return new TaskerError("TSK_COMPONENT_PREPARE_LOST", {
    attempted: "Cannot prepare the component",
    found: `the ${kind} process ended before it answered: ${reason}`,
  });
}

function parse<T>(schema: z.ZodType<T>, frame: Frame | undefined): T {
  const parsed = schema.safeParse(frame?.head);
  if (parsed.success) return parsed.data;
  return refuse(
    "TSK_COMPONENT_PREPARE_LOST",
    `an answer of another shape: ${z.prettifyError(parsed.error).slice(0, 500)}`,
  );
}

const refusal = z.object({
  code: z.string().max(100),
  attempted: z.string().max(1_000),
  found: z.string().max(4_000),
  accepted: z.string().max(4_000).optional(),
});

/** A refusal with a code that is none of ours is the word of a process that was taken over: refused all the same. */
function raise({ code, attempted, found, accepted }: z.infer<typeof refusal>): TaskerError {
  const known: ErrorCode = isComponentCode(code) ? code : "TSK_COMPONENT_PREPARE_LOST";
  return new TaskerError(known, { attempted, found, ...(accepted === undefined ? {} : { accepted }) });
}

function isComponentCode(code: string): code is ComponentErrorCode {
  return code.startsWith("TSK_COMPONENT_") && Object.hasOwn(ERROR_CATALOGUE, code);
}

const index = z.int().min(0).max(1_000_000);
const name = z.string().max(GATE_LIMITS.maxNameBytes);
const recordedPlan = z.object({
  instantiations: z
    .array(
      z.object({
        moduleDigest: z.string().max(64),
        imports: z
          .array(
            z.object({
              module: name,
              name,
              sources: z.array(z.object({ instance: index, name })).max(GATE_LIMITS.maxEntries),
            }),
          )
          .max(GATE_LIMITS.maxEntries),
      }),
    )
    .max(GATE_LIMITS.maxInstantiations * 2),
});

const description = z.object({ manifest: manifestSchema, fuel: z.number().min(0) });
