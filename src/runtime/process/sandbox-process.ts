/** The host's side of one sandbox process: what was sent, what has started, how long it may go on. */
import type { Clock } from "../../core/clock.ts";
import { packArtifact } from "../artifact-container.ts";
import type { Outcome, RunReport } from "../outcome.ts";
import type { PendingRun } from "../process-sandbox.ts";
import type { RunRequest } from "../sandbox.ts";
import { Child, type Tiers } from "./child-process.ts";
import { CompileBudget } from "./compile-budget.ts";
import { type Frame, type FrameLimits, protocol } from "./frames.ts";
import { fromSandbox } from "./report-schema.ts";
import { attachTexts, maxReportBlobBytes, REPORT_BLOBS } from "./report-texts.ts";
import { encodeRun, type ToSandbox, type WireRun } from "./run-wire.ts";

export interface SandboxProcessOptions {
  readonly tiers: Tiers;
  readonly clock: Clock;
  readonly idleStopMs: number;
  readonly maxResidentBytes: number;
  /** CPU time of V8's helper threads for each component that the process loads. */
  readonly maxCompileCpuMs: number;
  readonly onReport: (run: PendingRun, report: RunReport, ranMs: number) => void;
  /** Once, when the process is gone. */
  readonly onEnd: (end: ProcessEnd) => void;
}

export interface ProcessEnd {
  readonly reason: string;
  /** The run that the process had started, with how it ended. */
  readonly started: { readonly run: PendingRun; readonly outcome: Outcome; readonly ranMs: number } | undefined;
  /** Runs that it was sent and never began. */
  readonly unstarted: readonly PendingRun[];
}

const HEAP_MEGABYTES = 256;
/** Of a report without its texts: 32 frames of a backtrace are most of it. */
const MAX_HEAD_BYTES = 262_144;
const MAX_HEAD_VALUES = 500;
/** Artifacts that a process keeps; the least recently used go first. */
const MAX_LOADED_BYTES = 268_435_456;
/** Steps to have at hand in a process, in wall-clock time: enough to hide a round trip, too little to wait for long. */
const ROOM_MS = 10;
const MAX_ROOM = 64;
/** Compiling, lowering and reporting are the host's work, but hostile modules can make it long. */
const SILENCE_MS = 15_000;
const WATCH_MS = 250;

interface NumberedRun {
  readonly id: number;
  readonly run: PendingRun;
}

export class SandboxProcess {
  readonly #options: SandboxProcessOptions;
  readonly #ended = Promise.withResolvers<void>();
  readonly #over = new AbortController();
  /** In the order in which the process runs them; the first is the started one if `#startedAt` is set. */
  readonly #sent: NumberedRun[] = [];
  /** Digest → bytes, least recently used first. */
  readonly #loaded = new Map<string, number>();
  readonly #compileBudget: CompileBudget;
  /** Digests whose source map the process has. */
  readonly #mapped = new Set<string>();
  #running: Child | undefined;
  /** Ends the watch's current wait, which lasts until `#lookAt`. */
  #wake = new AbortController();
  #lookAt = 0;
  #startedAt: number | undefined;
  /** When the process last said something or got something to do. */
  #heardAt: number;
  #idleSince: number;
  #stepMs = ROOM_MS;
  #nextId = 1;
  #timedOut = false;
  #endReason: string | undefined;

  constructor(options: SandboxProcessOptions) {
    this.#options = options;
    this.#compileBudget = new CompileBudget(options.maxCompileCpuMs);
    this.#heardAt = options.clock.monotonicMs();
    this.#idleSince = this.#heardAt;
    Child.start({
      kind: "sandbox",
      tiers: options.tiers,
      heapMegabytes: HEAP_MEGABYTES,
      frameLimits: () => this.#frameLimits(),
      onFrame: (frame) => this.#receive(frame),
      onExit: (reason) => this.#end(reason),
    }).then(
      (child) => this.#begin(child),
      (error: unknown) => this.#end(String(error)),
    );
  }

  get inFlight(): number {
    return this.#sent.length;
  }

  /** Runs that it would take now without letting them wait for long. */
  get room(): number {
    if (this.#endReason !== undefined) return 0;
    const wanted = Math.min(MAX_ROOM, Math.max(1, Math.floor(ROOM_MS / this.#stepMs)));
    return wanted - this.#sent.length;
  }

  /** Hands over runs, their artifacts first where the process does not have them. */
  send(runs: readonly PendingRun[]): void {
    const numbered = runs.map((run) => ({ id: this.#nextId++, run }));
    for (const { run } of numbered) run.sent += 1;
    this.#sent.push(...numbered);
    this.#heardAt = this.#options.clock.monotonicMs();
    // What is sent before the child is there goes out when it is; one that cannot be started ends by itself.
    if (this.#running !== undefined) this.#deliver(this.#running, numbered);
  }

  #deliver(child: Child, numbered: readonly NumberedRun[]): void {
    const heads: WireRun[] = [];
    const blobs: Buffer[] = [];
    for (const { id, run } of numbered) {
      this.#load(child, run.request);
      this.#mapSource(child, run.request);
      const { artifact, context, limits } = run.request;
      heads.push(encodeRun(id, { digest: artifact.digest, context, limits }, blobs));
    }
    tell(child, { kind: "runs", runs: heads }, blobs);
  }

  async stop(): Promise<void> {
    this.#kill("the sandbox was stopped");
    await this.#ended.promise;
  }

  #begin(child: Child): void {
    this.#running = child;
    if (this.#endReason !== undefined) {
      child.kill(this.#endReason);
      return;
    }
    if (this.#sent.length > 0) this.#deliver(child, this.#sent);
    void this.#watch(child);
  }

  #load(child: Child, { artifact }: RunRequest): void {
    const { digest } = artifact;
    const known = this.#loaded.get(digest);
    if (known !== undefined) {
      this.#loaded.delete(digest);
      this.#loaded.set(digest, known);
      return;
    }
    const bytes = packArtifact(artifact);
    this.#compileBudget.addComponent();
    this.#loaded.set(digest, bytes.length);
    this.#makeRoom(child, digest);
    tell(child, { kind: "load", digest }, [bytes]);
  }

  #mapSource(child: Child, { artifact: { digest }, sourceMap }: RunRequest): void {
    if (sourceMap === undefined || this.#mapped.has(digest)) return;
    this.#mapped.add(digest);
    tell(child, { kind: "source-map", digest }, [Buffer.from(sourceMap)]);
  }

  #makeRoom(child: Child, newest: string): void {
    let total = Array.from(this.#loaded.values()).reduce((sum, bytes) => sum + bytes, 0);
    for (const [digest, bytes] of this.#loaded) {
      if (total <= MAX_LOADED_BYTES || digest === newest) return;
      total -= bytes;
      this.#loaded.delete(digest);
      this.#mapped.delete(digest);
      tell(child, { kind: "unload", digest }, []);
    }
  }

  #receive({ head, blobs }: Frame): void {
    const parsed = fromSandbox.safeParse(head);
    if (!parsed.success) protocol("a message of another shape");
    const { done, started } = parsed.data;
    if (done === undefined && started === undefined) protocol("a message that says nothing");
    this.#heardAt = this.#options.clock.monotonicMs();
    if (done !== undefined) this.#finish(done.id, done.report, blobs);
    if (started !== undefined) this.#start(started);
  }

  #start(id: number): void {
    if (this.#sent[0]?.id !== id || this.#startedAt !== undefined) protocol(`a start of run ${id} out of turn`);
    this.#startedAt = this.#heardAt;
    this.#sent[0].run.request.onStarted?.();
    if (this.#nextLook() < this.#lookAt) this.#wake.abort();
  }

  #finish(id: number, report: RunReport, texts: readonly Buffer[]): void {
    const startedAt = this.#startedAt;
    if (this.#sent[0]?.id !== id || startedAt === undefined) protocol(`a report of run ${id} out of turn`);
    const whole = attachTexts(report, texts);
    const [finished] = this.#sent.splice(0, 1);
    this.#startedAt = undefined;
    this.#idleSince = this.#heardAt;
    this.#stepMs = this.#stepMs * 0.8 + Math.max(0.05, this.#heardAt - startedAt) * 0.2;
    if (finished === undefined) return;
    this.#options.onReport(finished.run, whole, this.#heardAt - startedAt);
  }

  /** The report to come is of the first run: what that may say, and not a byte more. */
  #frameLimits(): FrameLimits {
    const limits = this.#sent[0]?.run.request.limits;
    return {
      maxHeadBytes: MAX_HEAD_BYTES,
      maxHeadValues: MAX_HEAD_VALUES,
      maxBlobs: REPORT_BLOBS,
      maxBlobBytes: limits === undefined ? 0 : maxReportBlobBytes(limits),
    };
  }

  /** Deadline, silence, resident memory, compilation and idleness, looked at when the nearest of them can be due. */
  async #watch(child: Child): Promise<void> {
    const { clock, idleStopMs, maxResidentBytes, maxCompileCpuMs } = this.#options;
    while (!this.#over.signal.aborted) {
      this.#wake = new AbortController();
      this.#lookAt = this.#nextLook();
      await clock.wait(Math.max(1, this.#lookAt - clock.monotonicMs()), this.#wake.signal);
      const now = clock.monotonicMs();
      const limit = this.#deadlineMs();
      if (this.#startedAt !== undefined && limit !== undefined && now >= this.#startedAt + limit) {
        this.#timedOut = true;
        this.#kill(`its step ran for more than ${limit} ms`);
      } else if (this.#sent.length > 0 && this.#startedAt === undefined && now >= this.#heardAt + SILENCE_MS) {
        this.#kill(`it said nothing for ${SILENCE_MS} ms`);
      } else if (this.#sent.length === 0 && now >= this.#idleSince + idleStopMs) {
        this.#kill("it had nothing to do");
      } else if (child.residentBytes() > maxResidentBytes) {
        this.#kill(`it took more than ${maxResidentBytes} bytes of resident memory`);
      } else if (this.#compileBudget.isSpent(child.cpuTime())) {
        this.#kill(`compiling a component took more than ${maxCompileCpuMs} ms of CPU time`);
      }
    }
  }

  #deadlineMs(): number | undefined {
    return this.#sent[0]?.run.request.limits.timeoutMs;
  }

  #nextLook(): number {
    const soon = this.#options.clock.monotonicMs() + WATCH_MS;
    if (this.#startedAt === undefined) return soon;
    return Math.min(soon, this.#startedAt + (this.#deadlineMs() ?? WATCH_MS));
  }

  #kill(reason: string): void {
    this.#endReason ??= reason;
    this.#running?.kill(reason);
  }

  #end(reason: string): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#wake.abort();
    this.#endReason ??= reason;
    const runs = this.#sent.splice(0).map(({ run }) => run);
    const first = this.#startedAt === undefined ? undefined : runs.shift();
    const ranMs = this.#options.clock.monotonicMs() - (this.#startedAt ?? 0);
    const started = first === undefined ? undefined : { run: first, outcome: this.#outcomeOf(first, reason), ranMs };
    this.#options.onEnd({ reason, started, unstarted: runs });
    this.#ended.resolve();
  }

  #outcomeOf(run: PendingRun, reason: string): Outcome {
    if (this.#timedOut) return { kind: "timeout", limitMs: run.request.limits.timeoutMs };
    return { kind: "sandbox-lost", reason };
  }
}

function tell(child: Child, message: ToSandbox, blobs: readonly Uint8Array[]): void {
  child.send(message, blobs);
}
