/** From an upload to an artifact, through two disposable processes that the host does not trust. */
import { z } from "zod";
import { type Clock, systemClock } from "../core/clock.ts";
import { type ErrorCode, ERROR_CATALOGUE, isTaskerError, TaskerError } from "../core/errors/index.ts";
import type { Artifact } from "./artifact.ts";
import { decodeArtifact, firstIssue, manifestSchema } from "./artifact-codec.ts";
import { maxArtifactBytes } from "./artifact-size.ts";
import { checkArtifact } from "./check-artifact.ts";
import { GATE_LIMITS } from "./component/gate-limits.ts";
import type { ComponentErrorCode } from "./component/refuse.ts";
import { refuse } from "./component/refuse.ts";
import type { PrepareLimits } from "./limits.ts";
import type { RecordedPlan } from "./link-plan.ts";
import { checkManifest } from "./prepare/check-manifest.ts";
import type { Description } from "./prepare/describe.ts";
import type { Child } from "./process/child-process.ts";
import type { Frame, FrameLimits } from "./process/frames.ts";
import type { PrepareRequest, TranslateRequest } from "./process/prepare-requests.ts";
import type { GateKind, ReadyChild } from "./process/ready-child.ts";
import { endOf, SpareChildren } from "./process/spare-children.ts";

/** Where an upload is: in the translate process, in the prepare process, or answering `describe` there. */
export type PrepareStage = "translate" | "prepare" | "describe";

const MEGABYTE = 1_048_576;

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
  const [answer] = await converse({ kind: "translate", child }, request, bytes, [TRANSLATED], limits, options);
  return parse(z.object({ plan: recordedPlan }), answer).plan;
}

async function prepareInProcess(
  child: Promise<ReadyChild>,
  bytes: Uint8Array<ArrayBuffer>,
  request: PrepareRequest,
  options: PrepareOptions,
): Promise<Artifact> {
  // The artifact arrives before any code of the upload has run, so that code cannot have changed it.
  const stages = [prepared(bytes.length), DESCRIBED];
  const [made, described] = await converse({ kind: "prepare", child }, request, bytes, stages, request.limits, options);
  parse(z.object({ artifact: z.literal(true) }), made);
  const artifact = received(made?.blobs[0] ?? Buffer.alloc(0));
  checkArtifact(artifact, bytes);
  const { manifest, fuel } = parse(answerWithin(request.limits), described).description;
  checkManifest(manifest);
  return { ...artifact, manifest, describeFuel: fuel };
}

/** Bytes that cannot be read are this process's fault: nothing is stored yet that could be corrupt. */
function received(bytes: Buffer): Artifact {
  try {
    return decodeArtifact(bytes);
  } catch (error) {
    if (!isTaskerError(error)) throw error;
    return refuse("TSK_COMPONENT_PREPARE_LOST", `an artifact that cannot be read: ${error.found.slice(0, 500)}`);
  }
}

/** A stage and the frame that it has to answer with. */
interface Stage {
  readonly name: PrepareStage;
  readonly answer: FrameLimits;
}

/** A recorded plan: that of QuickJS, the largest in practice, has 18 kB and 1,300 values. */
const TRANSLATED: Stage = {
  name: "translate",
  answer: { maxHeadBytes: MEGABYTE, maxHeadValues: 20_000, maxBlobs: 0, maxBlobBytes: 0 },
};

/** The artifact, as a blob. */
function prepared(componentBytes: number): Stage {
  const maxBlobBytes = maxArtifactBytes(componentBytes);
  return { name: "prepare", answer: { maxHeadBytes: 65_536, maxHeadValues: 100, maxBlobs: 1, maxBlobBytes } };
}

/** A manifest: a thousand callables of 500 characters are accepted. */
const DESCRIBED: Stage = {
  name: "describe",
  answer: { maxHeadBytes: 2 * MEGABYTE, maxHeadValues: 2_000, maxBlobs: 0, maxBlobBytes: 0 },
};

/** Asks a fresh process one thing and waits for a frame of each stage, a refusal, its death, or the end of patience. */
async function converse(
  asked: { readonly kind: GateKind; readonly child: Promise<ReadyChild> },
  request: TranslateRequest | PrepareRequest,
  component: Uint8Array<ArrayBuffer>,
  stages: readonly Stage[],
  limits: PrepareLimits,
  { clock = systemClock, onStage }: PrepareOptions,
): Promise<readonly Frame[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Frame[]>();
  const frames: Frame[] = [];
  const enter = (stage: Stage | undefined): void => {
    if (stage !== undefined) onStage?.(stage.name);
  };
  enter(stages[0]);
  const ready = await asked.child;
  const child = ready.listen({
    frameLimits: () => stages[frames.length]?.answer ?? NOTHING_MORE,
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
    const answers = await promise;
    spares.remember(asked.kind, { request, component, answers: stages.map(({ answer }) => answer) });
    return answers;
  } finally {
    ended.abort();
    child.kill("its work is done");
  }
}

const NOTHING_MORE: FrameLimits = { maxHeadBytes: 0, maxHeadValues: 0, maxBlobs: 0, maxBlobBytes: 0 };
const WATCH_MS = 100;

/** Ends the process when its time or its resident memory is used up. */
async function watch(
  child: Child,
  { timeoutMs, maxResidentBytes }: PrepareLimits,
  clock: Clock,
  ended: AbortSignal,
  reject: (error: TaskerError) => void,
): Promise<void> {
  const deadline = clock.monotonicMs() + timeoutMs;
  while (!ended.aborted) {
    await clock.wait(Math.min(WATCH_MS, Math.max(0, deadline - clock.monotonicMs())), ended);
    if (ended.aborted) return;
    const resident = child.residentBytes();
    if (resident > maxResidentBytes) {
      return reject(overLimit(`${resident} bytes of resident memory`, `at most ${maxResidentBytes}`));
    }
    if (clock.monotonicMs() >= deadline)
      return reject(overLimit(`more than ${timeoutMs} ms`, `at most ${timeoutMs} ms`));
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
  return refuse("TSK_COMPONENT_PREPARE_LOST", `an answer of another shape: ${firstIssue(parsed.error).slice(0, 500)}`);
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

function answerWithin({ describeFuel }: PrepareLimits): z.ZodType<{ readonly description: Description }> {
  const fuel = z.int().min(0).max(describeFuel);
  return z.object({ description: z.object({ manifest: manifestSchema, fuel }) });
}
