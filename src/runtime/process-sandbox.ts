/**
 * The sandbox of one namespace: processes started on demand, each running one step at a time, watched and replaced.
 *
 *   run() → queue → process (frames of runs; "started" per run; deadline from there) → report checked → resolved
 *
 * A process that dies takes one run with it, the one that had started; those that had only been sent go to another.
 *
 * A run that overflowed V8's stack before it came to its call depth limit is run again, in what is left of its time, by a process
 * that has V8's first compiler only: there the limit always comes first, so how such a step ends is the same on every run.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { TaskerError } from "../core/errors/index.ts";
import { checkReport } from "./check-report.ts";
import { stoppedError } from "./inline-sandbox.ts";
import type { Outcome, RunReport } from "./outcome.ts";
import type { Tiers } from "./process/child-process.ts";
import { SandboxProcess } from "./process/sandbox-process.ts";
import type { RunRequest, Sandbox } from "./sandbox.ts";

export interface ProcessSandboxOptions {
  /** For log lines only. One sandbox per namespace is the caller's business. */
  readonly namespace: string;
  /** Processes at most, 1 or more; and as many again while runs are repeated. */
  readonly maxProcesses: number;
  /** A process without work is stopped after this time. */
  readonly idleStopMs: number;
  /** A process with more resident memory than this is killed. */
  readonly maxResidentBytes: number;
  /** A process is killed when V8's helper threads took more CPU time than this for each component that it was given. Default `10_000`. */
  readonly maxCompileCpuMs?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Ten times what QuickJS and StarlingMonkey take. */
const MAX_COMPILE_CPU_MS = 10_000;

export function createProcessSandbox(options: ProcessSandboxOptions): Sandbox {
  return new ProcessSandbox(options, "both");
}

/** A run on its way. */
export interface PendingRun {
  readonly request: RunRequest;
  readonly resolve: (report: RunReport | Promise<RunReport>) => void;
  readonly reject: (error: unknown) => void;
  /** How often it went to a process. */
  sent: number;
}

/** Sent to a process that died before starting it: tried once more, then given up. */
const MAX_SENT = 2;

class ProcessSandbox implements Sandbox {
  readonly #options: ProcessSandboxOptions;
  readonly #tiers: Tiers;
  readonly #clock: Clock;
  readonly #waiting: PendingRun[] = [];
  readonly #processes = new Set<SandboxProcess>();
  /** Where runs are repeated. Made for the first of them; without work it has no process. */
  #firstTier: ProcessSandbox | undefined;
  #dispatching = false;
  #stopped = false;

  constructor(options: ProcessSandboxOptions, tiers: Tiers) {
    this.#options = options;
    this.#tiers = tiers;
    this.#clock = options.clock ?? systemClock;
  }

  get pending(): number {
    const repeated = this.#firstTier?.pending ?? 0;
    return Array.from(this.#processes).reduce(
      (sum, process) => sum + process.inFlight,
      this.#waiting.length + repeated,
    );
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(stoppedError());
    await Promise.all([...Array.from(this.#processes, (process) => process.stop()), this.#firstTier?.stop()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  run(request: RunRequest): Promise<RunReport> {
    if (this.#stopped) return Promise.reject(stoppedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject, sent: 0 });
      this.#dispatchSoon();
    });
  }

  /** Runs that arrive in one turn of the event loop leave in one frame. */
  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    queueMicrotask(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const target = this.#idlest();
      if (target === undefined) return;
      target.send(this.#waiting.splice(0, this.#share(target)));
    }
  }

  /** An idle process, else a new one, else the one with most room; undefined where all have enough. */
  #idlest(): SandboxProcess | undefined {
    const running = Array.from(this.#processes).sort((a, b) => b.room - a.room);
    const idle = running.find(({ inFlight }) => inFlight === 0);
    if (idle !== undefined) return idle;
    if (this.#processes.size < this.#options.maxProcesses) return this.#startProcess();
    const roomiest = running[0];
    return roomiest !== undefined && roomiest.room > 0 ? roomiest : undefined;
  }

  /** Not more than its room, and not so much that the other processes have nothing to do. */
  #share(target: SandboxProcess): number {
    const fair = Math.ceil(this.#waiting.length / this.#options.maxProcesses);
    return Math.max(1, Math.min(target.room, fair));
  }

  #startProcess(): SandboxProcess {
    const { namespace, logger, idleStopMs, maxResidentBytes, maxCompileCpuMs = MAX_COMPILE_CPU_MS } = this.#options;
    const process = new SandboxProcess({
      tiers: this.#tiers,
      clock: this.#clock,
      idleStopMs,
      maxResidentBytes,
      maxCompileCpuMs,
      onReport: (run, report, ranMs) => {
        if (this.#tiers === "both" && overflowedEngine(report)) run.resolve(this.#runAgain(run, ranMs));
        else this.#report(run, report);
      },
      onEnd: ({ reason, started, unstarted }) => {
        this.#processes.delete(process);
        if (started !== undefined || unstarted.length > 0) {
          logger.warn({ namespace, reason, unstarted: unstarted.length }, "a sandbox process ended with work in it");
        }
        if (started !== undefined) this.#report(started.run, lostReport(started.outcome, started.ranMs));
        // Where none had started, the process died of the next one, as far as anybody can tell.
        this.#sendAgain(unstarted, { reason, suspect: started === undefined ? unstarted[0] : undefined });
      },
    });
    this.#processes.add(process);
    return process;
  }

  #report(run: PendingRun, report: RunReport): void {
    run.resolve(checkReport(report, run.request.limits));
    this.#dispatchSoon();
  }

  async #runAgain({ request }: PendingRun, ranMs: number): Promise<RunReport> {
    this.#dispatchSoon();
    if (this.#stopped) throw stoppedError();
    this.#firstTier ??= new ProcessSandbox(this.#options, "first");
    const { artifact, limits } = request;
    const { namespace, logger } = this.#options;
    logger.warn(
      { namespace, digest: artifact.digest },
      "a step overflowed V8's stack before its limit and is run again",
    );
    const left = { ...limits, timeoutMs: Math.max(1, Math.ceil(limits.timeoutMs - ranMs)) };
    const { outcome, usage, logs } = await this.#firstTier.run({ ...request, limits: left, onStarted: undefined });
    return checkReport({ outcome, usage: { ...usage, durationMs: usage.durationMs + ranMs }, logs }, limits);
  }

  #sendAgain(
    unstarted: readonly PendingRun[],
    { reason, suspect }: { readonly reason: string; readonly suspect: PendingRun | undefined },
  ): void {
    for (const run of unstarted.toReversed()) {
      if (this.#stopped) run.reject(stoppedError());
      else if (run.sent < MAX_SENT) this.#waiting.unshift(run);
      else if (run === suspect) this.#report(run, lostReport({ kind: "sandbox-lost", reason }, 0));
      else run.reject(notStartedError(reason));
    }
    this.#dispatchSoon();
  }
}

function overflowedEngine({ outcome }: RunReport): boolean {
  return outcome.kind === "stack-exhausted" && outcome.engineStack === true;
}

function notStartedError(found: string): TaskerError {
  return new TaskerError("TSK_SANDBOX_NOT_STARTED", { attempted: "Cannot run a step", found });
}

/** Nobody could count what a run cost whose process is gone. */
function lostReport(outcome: Outcome, durationMs: number): RunReport {
  return { outcome, usage: { fuelUsed: 0, peakMemoryBytes: 0, durationMs }, logs: [] };
}
