/** Carries out one case against the real processes and says what came of it. */
import { readFile, writeFile } from "node:fs/promises";
import { systemClock } from "../../../src/core/clock.ts";
import { isTaskerError } from "../../../src/core/errors/index.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import {
  type Artifact,
  createProcessSandbox,
  type Outcome,
  prepareComponent,
  type PrepareLimits,
  type RunLimits,
  type RunReport,
  type Sandbox,
} from "../../../src/runtime/index.ts";
import { compileComponent } from "../../../src/runtime/execute/compiled-component.ts";
import { runGuest } from "../../../src/runtime/execute/guest-run.ts";
import { MemoryPool } from "../../../src/runtime/execute/memory-pool.ts";
import { stepContextValue } from "../../../src/runtime/execute/values.ts";
import type { PrepareStage } from "../../../src/runtime/prepare-component.ts";
import { childCode } from "../../../src/runtime/process/code-snapshot.ts";
import { cpuTimeOf } from "../../../src/runtime/process/cpu-time.ts";
import { checkBytes } from "../../../src/runtime/translate/check-bytes.ts";
import { checkNames } from "../../../src/runtime/translate/check-names.ts";
import { descendants } from "../support/child-pids.ts";
import { CONTEXT, LIMITS, PREPARE_LIMITS, prepareHere, request } from "../support/runs.ts";
import { ECHO, watComponent } from "../support/wat-component.ts";
import { ClockOfStage } from "./clock-of-stage.ts";
import { HostWatch } from "./host-watch.ts";
import type { Bytes, HostileCase, PlantedCase, StepCase, StepStage, UploadCase, UploadStage } from "./hostile-case.ts";
import { PLANTED_WORDS } from "./planted-words.ts";

/** What a case came to. */
export interface Verdict {
  /** The refusal's code, "artifact", the kind of a planted step's outcome; or all of an outcome. */
  readonly ended: string | Outcome;
  readonly stage: UploadStage | StepStage | "planted";
  /** From the attack to the answer, in wall-clock time. */
  readonly tookMs: number;
  /**
   * By how much the answer came after the deadline that the case had; 0 before it. It is counted from where the deadline is, and
   * without the time in which the machine did not let the host run.
   */
  readonly lateMs: number;
  /** By how much the host's resident memory was higher at its highest than before the attack. */
  readonly grownBytes: number;
  /** CPU time of the main threads of sandbox processes meanwhile. */
  readonly sandboxCpuMs: number;
}

/** A host under attack: the sandbox of the attacker, that of a neighbour, one good component. */
export class AttackedHost {
  readonly #good: Bytes;
  readonly #artifact: Artifact;
  readonly #neighbour = newSandbox();
  #sandbox: Sandbox;

  private constructor(good: Bytes, artifact: Artifact) {
    this.#good = good;
    this.#artifact = artifact;
    this.#sandbox = newSandbox();
  }

  static async start(): Promise<AttackedHost> {
    const good = await watComponent({ handle: ECHO });
    const host = new AttackedHost(good, await prepareHere(good));
    await host.goodStep();
    return host;
  }

  /** The next step after an attack: has to succeed. */
  async goodStep(): Promise<RunReport["outcome"]["kind"]> {
    return (await this.#sandbox.run(request(this.#artifact))).outcome.kind;
  }

  /** Steps of another namespace, while this one is under attack. */
  async #goodSteps(sandbox: Sandbox): Promise<readonly RunReport["outcome"]["kind"][]> {
    const reports = await Promise.all(Array.from({ length: 5 }, () => sandbox.run(request(this.#artifact))));
    return reports.map(({ outcome }) => outcome.kind);
  }

  /** The next upload after an attack: has to become an artifact. */
  async goodUpload(): Promise<string> {
    return (await prepareComponent(this.#good, PREPARE_LIMITS)).manifest.name;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sandbox.stop(), this.#neighbour.stop()]);
  }

  attack(attacker: HostileCase): Promise<Verdict> {
    switch (attacker.kind) {
      case "upload":
        return this.#upload(attacker);
      case "step":
        return this.#step(attacker);
      case "planted":
        return this.#planted(attacker);
      default:
        return attacker satisfies never;
    }
  }

  async #upload({ bytes, limits = {}, stage, code }: UploadCase): Promise<Verdict> {
    const upload = await bytes();
    const allowed = { ...PREPARE_LIMITS, ...limits };
    const stages: UploadStage[] = ["size"];
    const { value, ...cost } = await measured(allowed.timeoutMs, (deadlineStarts) =>
      refusal(async () => {
        await prepareUpload(upload, allowed, {
          deadlineOf: code === OVERDUE ? stage : undefined,
          deadlineStarts,
          onStage: (entered) => stages.push(entered),
        });
        stages.push("artifact");
      }),
    );
    const last = stages.at(-1) ?? "size";
    return { ended: value ?? "artifact", stage: last === "translate" ? ownStage(upload) : last, ...cost };
  }

  async #step({ guest, context = {}, limits = {}, sourceMap, times = 1 }: StepCase): Promise<Verdict> {
    const bytes = typeof guest === "function" ? await guest() : await watComponent(guest);
    const artifact = await prepareHere(bytes);
    const asked = request(artifact, { context, limits, sourceMap });
    for (let before = 1; before < times; before += 1) await this.#sandbox.run(asked);
    const neighbour = this.#goodSteps(this.#neighbour);
    const { value, ...cost } = await measured(asked.limits.timeoutMs, (onStarted) =>
      this.#sandbox.run({ ...asked, onStarted }),
    );
    if ((await neighbour).some((kind) => kind !== "success")) throw new Error("a neighbour's step did not succeed");
    return { ended: value.outcome, stage: stageOf(artifact, context, limits), ...cost };
  }

  async #planted({ child, code, ends }: PlantedCase): Promise<Verdict> {
    const { entry } = await childCode(child);
    const honest = await readFile(entry);
    const restart = async (): Promise<void> => {
      if (child !== "sandbox") return;
      await this.#sandbox.stop();
      this.#sandbox = newSandbox();
    };
    await restart();
    try {
      await writeFile(entry, `${PLANTED_WORDS}\nconst attack = async (request) => {\n${code}\n};`);
      const timeoutMs = DEADLINES.has(ends) ? PLANTED_DEADLINE_MS : PREPARE_LIMITS.timeoutMs;
      const limits = { ...PREPARE_LIMITS, timeoutMs };
      const { value, ...cost } = await measured(timeoutMs, async (deadlineStarts) => {
        if (child === "sandbox") {
          const asked = request(this.#artifact, { limits: { timeoutMs } });
          return (await this.#sandbox.run({ ...asked, onStarted: deadlineStarts })).outcome.kind;
        }
        const deadlineOf = ends === OVERDUE ? child : undefined;
        return refusal(() => prepareUpload(this.#good, limits, { deadlineOf, deadlineStarts }));
      });
      return { ended: value ?? "artifact", stage: "planted", ...cost };
    } finally {
      await writeFile(entry, honest);
      await restart();
    }
  }
}

/** Short where the deadline is what ends the case; elsewhere a busy machine has the time that it takes. */
const PLANTED_DEADLINE_MS = 2_000;
const OVERDUE = "TSK_COMPONENT_PREPARE_LIMIT";
const DEADLINES: ReadonlySet<string> = new Set(["timeout", OVERDUE]);

interface UploadWatch {
  /** The stage that a deadline is to end: it counts from there. Undefined where it counts from each process, as in a host. */
  readonly deadlineOf: UploadStage | undefined;
  readonly deadlineStarts: () => void;
  readonly onStage?: (stage: PrepareStage) => void;
}

async function prepareUpload(bytes: Bytes, limits: PrepareLimits, watch: UploadWatch): Promise<void> {
  const { deadlineOf, deadlineStarts, onStage } = watch;
  const clock = deadlineOf === undefined ? systemClock : new ClockOfStage();
  await prepareComponent(bytes, limits, {
    clock,
    onStage: (stage) => {
      onStage?.(stage);
      if (stage === deadlineOf && clock instanceof ClockOfStage) clock.start();
      // Without a stage of its own, the deadline of the second process includes `describe`.
      if (deadlineOf === undefined ? stage !== "describe" : stage === deadlineOf) deadlineStarts();
    },
  });
}

function newSandbox(): Sandbox {
  return createProcessSandbox({
    namespace: "hostile",
    maxProcesses: 1,
    idleStopMs: 60_000,
    maxResidentBytes: 1_073_741_824,
    logger: silentLogger,
  });
}

/** The code of the refusal that it ends in; undefined where it ends in none. Anything else is a failure of the host. */
async function refusal(attempt: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (isTaskerError(error)) return error.code;
    throw error;
  }
}

/** In which of our own readings the upload is refused, or that the translator's turn came. */
function ownStage(bytes: Bytes): UploadStage {
  try {
    const checked = checkBytes(bytes, PREPARE_LIMITS.maxComponentBytes);
    try {
      checkNames(checked);
      return "translate";
    } catch {
      return "names";
    }
  } catch {
    return "structure";
  }
}

/** Fuel for finding out where a run is that only a deadline would end. */
const SHORT_FUEL = 1_000_000;

/** Where the same run is when it ends, seen from inside: the same code as in the sandbox process. */
function stageOf(artifact: Artifact, context: Partial<typeof CONTEXT>, changes: Partial<RunLimits>): StepStage {
  const limits = { ...LIMITS, ...changes };
  const short = limits.fuel > LIMITS.fuel ? { ...limits, fuel: SHORT_FUEL } : limits;
  const component = compileComponent(artifact);
  const asked = { ...CONTEXT, ...context };
  const args = (): [ReturnType<typeof stepContextValue>] => [stepContextValue(asked)];
  const setting = { nowMs: asked.nowMs, seed: BigInt(asked.seed) };
  const { context: run, ending } = runGuest(component, component.handle, args, short, setting, new MemoryPool(0));
  return ending.kind === "returned" ? "report" : run.state.phase;
}

/** Runs it, and watches the clock, the host and the sandbox processes. The deadline counts from the last call of what `run` gets. */
async function measured<T>(
  deadlineMs: number,
  run: (deadlineStarts: () => void) => Promise<T>,
): Promise<{ value: T; tookMs: number; lateMs: number; grownBytes: number; sandboxCpuMs: number }> {
  using host = new HostWatch();
  const cpuBefore = sandboxCpuMs();
  const startedAt = performance.now();
  let deadlineFrom = startedAt;
  const value = await run(() => {
    deadlineFrom = performance.now();
  });
  const answeredAt = performance.now();
  host.look();
  return {
    value,
    tookMs: answeredAt - startedAt,
    lateMs: Math.max(0, host.passedMs(Math.min(answeredAt, deadlineFrom + deadlineMs), answeredAt)),
    grownBytes: host.grownBytes,
    sandboxCpuMs: Math.max(0, sandboxCpuMs() - cpuBefore),
  };
}

/** Of those that are there: it grows by the start of one and falls with the end of one. */
function sandboxCpuMs(): number {
  return descendants("sandbox-process.js").reduce((sum, pid) => sum + mainMsOf(pid), 0);
}

function mainMsOf(pid: number): number {
  try {
    return cpuTimeOf(pid).mainMs;
  } catch {
    return 0; // It has ended.
  }
}
