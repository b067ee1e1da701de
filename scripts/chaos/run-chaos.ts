import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Database } from "../../src/host/database/connection.ts";
import { type Breach, verify } from "../../src/host/database/verify.ts";
import { type Bar, barText, checkBars } from "./bars.ts";
import { missingTasks, wrongEnds } from "./ends.ts";
import { scheduleOf } from "./fault.ts";
import { type Fed, Feeder } from "./feeder.ts";
import { HostSlot } from "./host-slot.ts";
import { Inflictor } from "./inflict.ts";
import type { ChaosOptions } from "./options.ts";
import type { Percentiles } from "./percentiles.ts";
import { LabPostgres } from "./postgres.ts";
import { descendantsOf, isRunning, type ProcessId } from "./process-tree.ts";
import { claimingAgain, handOverOf, recoveryOf } from "./recovery.ts";
import { stuckRows, unfinished } from "./stuck.ts";
import { layHandlers } from "./workload.ts";

/** What came of a run; all zero and empty in `broken` where nothing was lost. */
export interface ChaosReport {
  readonly seed: number;
  readonly hosts: number;
  readonly tasks: number;
  readonly steps: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly lease_ms: number;
  /** From SIGKILL to the next start of each step that the host had. */
  readonly recovery_ms: Percentiles;
  /** The same from SIGSTOP; and from the offer of a stopping host to the next host's lease. */
  readonly freeze_recovery_ms: Percentiles;
  readonly hand_over_ms: Percentiles;
  readonly claiming_again_ms: Percentiles;
  /** What must not take longer; with `--no-bars` they are shown only. */
  readonly bars: readonly Bar[];
  readonly drain_ms: number;
  readonly lost: number;
  readonly completed_twice: number;
  readonly stuck: number;
  readonly wrong_ends: number;
  readonly leaked_processes: number;
  readonly invariants_broken: readonly string[];
  /** Sentences: everything that must not be. */
  readonly broken: readonly string[];
}

const PROGRESS_MS = 1_000;
const PROCESSES_MS = 500;
const VERIFY_MS = 5_000;
/** What hosts have to see to may wait for an outage of two leases, the end of a lease, and a host that is up. */
const PATIENCE_LEASES = 6;
/** Of the time faults are spread over: new tasks come during so much of it. */
const FEED_SHARE = 0.9;
/** How long what a host leaves behind may take to notice that its host is gone. */
const LEFTOVER_MS = 5_000;

/** A run under way: what its stages share. */
interface Run {
  readonly options: ChaosOptions;
  readonly name: string;
  readonly postgres: LabPostgres;
  readonly slots: readonly HostSlot[];
  readonly inflictor: Inflictor;
  readonly broken: string[];
  readonly processes: Map<string, ProcessId>;
  readonly over: AbortController;
  readonly say: (line: string) => void;
}

/**
 * Kills, stops, cuts off and restarts hosts and their Postgres while they work; then lets them finish and looks for what was
 * lost. Files are kept where something broke; `say` is told where. Rejects when `interrupted` aborts, with all processes gone.
 */
export async function runChaos(
  options: ChaosOptions,
  say: (line: string) => void,
  interrupted: AbortSignal,
): Promise<ChaosReport> {
  const run = await begin(options, say);
  const stopped = new Promise<never>((_resolve, reject) => {
    interrupted.addEventListener("abort", () => reject(reasonOf(interrupted)), { once: true });
  });
  try {
    return await Promise.race([stages(run), stopped]);
  } catch (error) {
    run.over.abort();
    await Promise.all(run.slots.map((slot) => slot.close()));
    await end(run, true);
    throw error;
  }
}

async function stages(run: Run): Promise<ChaosReport> {
  await allUp(run);
  const watchers = [
    watch(run, PROGRESS_MS, progress),
    watch(run, PROCESSES_MS, lookAtProcesses),
    watch(run, VERIFY_MS, verifyAtWork),
  ];
  const fed = await disturb(run);
  const { drainMs, stuck } = await drain(run);
  run.over.abort();
  await Promise.all(watchers);
  await closeHosts(run);
  const report = await judge(run, fed, drainMs, stuck);
  await end(run, run.options.keep || report.broken.length > 0);
  return report;
}

async function begin(options: ChaosOptions, say: (line: string) => void): Promise<Run> {
  const postgres = await LabPostgres.start("chaos");
  const handlers = join(postgres.folder, "handlers");
  mkdirSync(handlers);
  await layHandlers(handlers);
  const settings = {
    "step_processing.claim_timeout_seconds": options.leaseSeconds,
    "step_processing.heartbeat_interval_seconds": options.leaseSeconds / 5,
    // Two cores: more processes only fight over them.
    "sandbox.max_processes_per_namespace": 1,
  };
  const args = [
    "--handlers",
    handlers,
    ...Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]),
  ];
  const open = (index: number): Promise<HostSlot> =>
    HostSlot.open(postgres, args, join(postgres.folder, `host-${index}.log`));
  const first = await open(0);
  // What it has prepared of the handlers is in the database then, and the others need not do it again.
  await first.untilUp();
  const others = Array.from({ length: options.hosts - 1 }, (_, index) => open(index + 1));
  const slots = [first, ...(await Promise.all(others))];
  return {
    options,
    name: `chaos-${options.seed}`,
    postgres,
    slots,
    inflictor: new Inflictor({ postgres, slots, leaseSeconds: options.leaseSeconds }),
    broken: [],
    processes: new Map(),
    over: new AbortController(),
    say,
  };
}

async function allUp({ slots, say, postgres }: Run): Promise<void> {
  await Promise.all(slots.map((slot) => slot.untilUp()));
  say(`${slots.length} hosts are up on ${postgres.folder}`);
}

/** Faults and new tasks, side by side. */
async function disturb({ options, name, postgres, slots, inflictor }: Run): Promise<Fed> {
  await using database = new Database({
    address: { url: postgres.url },
    maxConnections: 2,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 30_000,
    idleInTransactionTimeoutMs: 30_000,
    clock: systemClock,
    logger: silentLogger,
  });
  const { seed, steps, seconds, hosts, faults } = options;
  const feeder = new Feeder({ run: name, seed, steps, ms: seconds * 1_000 * FEED_SHARE, database, slots });
  const [fed] = await Promise.all([feeder.run(), inflictor.run(scheduleOf({ seed, seconds, hosts, counts: faults }))]);
  return fed;
}

/** Waits until all tasks have come to rest; says what has not where that takes too long. */
async function drain(run: Run): Promise<{ readonly drainMs: number; readonly stuck: number }> {
  const { options, postgres, slots, say, broken } = run;
  const startedMs = performance.now();
  await Promise.all(slots.map((slot) => slot.untilUp()));
  for (;;) {
    const { tasks } = await postgres.admin(unfinished);
    const drainMs = Math.round(performance.now() - startedMs);
    if (tasks === 0) return { drainMs, stuck: 0 };
    if (drainMs > options.drainSeconds * 1_000) {
      broken.push(`${tasks} tasks are unfinished ${options.drainSeconds} s after the last fault`);
      for (const row of await postgres.admin(stuckRows)) say(`stuck: ${JSON.stringify(row)}`);
      return { drainMs, stuck: tasks };
    }
    await systemClock.wait(200);
  }
}

/** All by SIGTERM, and nothing of theirs may stay behind. */
async function closeHosts({ slots, broken }: Run): Promise<void> {
  await Promise.all(slots.map((slot) => slot.close()));
  for (const { problems } of slots) broken.push(...problems.map((problem) => `a host: ${problem}`));
}

async function judge(run: Run, fed: Fed, drainMs: number, stuck: number): Promise<ChaosReport> {
  const { options, postgres, inflictor, broken, name } = run;
  const leaked = await leakedProcesses(run);
  if (leaked > 0) broken.push(`${leaked} processes outlived their hosts`);
  const of = (...kinds: readonly string[]): typeof inflictor.deaths =>
    inflictor.deaths.filter(({ kind }) => kinds.includes(kind));
  return postgres.admin(async (client) => {
    const missing = await missingTasks(client, fed.confirmed);
    const created = await countTasks(client, name);
    const lost = missing.length + Math.max(0, fed.tasks - created);
    if (lost > 0) broken.push(`${lost} of ${fed.tasks} tasks are not in the database`);
    const hosts = inflictor.deaths.map(({ pid }) => pid);
    const wrong = await wrongEnds(client, name, { hosts, sandboxes: inflictor.sandboxKills });
    for (const { taskUuid, found } of wrong.slice(0, 20)) broken.push(`task ${taskUuid}: ${found}`);
    const { breaches } = await verify(client, { drained: true });
    broken.push(...breaches.slice(0, 50).map(breachText));
    const steps = await countSteps(client);
    const bars = await checkBars(client, {
      leaseMs: options.leaseSeconds * 1_000,
      deaths: inflictor.deaths,
      covered: inflictor.covered,
      downs: inflictor.downs,
      exits: run.slots.flatMap(({ exits }) => exits),
    });
    for (const bar of bars) run.say(`${bar.holds ? "holds " : "MISSED"}  ${barText(bar)}`);
    if (options.bars) broken.push(...bars.filter(({ holds }) => !holds).map(barText));
    return {
      seed: options.seed,
      hosts: options.hosts,
      tasks: created,
      steps,
      faults: inflictor.counts,
      lease_ms: options.leaseSeconds * 1_000,
      recovery_ms: await recoveryOf(client, of("kill")),
      freeze_recovery_ms: await recoveryOf(client, of("freeze")),
      hand_over_ms: await handOverOf(client, of("term")),
      claiming_again_ms: await claimingAgain(
        client,
        inflictor.downs.map(({ toMs }) => toMs),
      ),
      bars,
      drain_ms: drainMs,
      lost,
      completed_twice: breaches.filter(({ invariant }) => invariant === "completed_once").length,
      stuck,
      wrong_ends: wrong.length,
      leaked_processes: leaked,
      invariants_broken: [...new Set(breaches.map(({ invariant }) => invariant))],
      broken,
    };
  });
}

async function end({ postgres, say }: Run, keep: boolean): Promise<void> {
  await postgres.stop();
  if (keep) say(`kept: ${postgres.folder} (hosts' logs beside the cluster). To look: ${postgres.howToLook}`);
  else await postgres.remove();
}

/** Calls `look` again and again until the run is over. What fails while Postgres is down is tried again. */
async function watch(run: Run, everyMs: number, look: (run: Run) => Promise<void>): Promise<void> {
  while (!run.over.signal.aborted) {
    await systemClock.wait(everyMs, run.over.signal);
    if (!run.over.signal.aborted) await look(run).catch(() => undefined);
  }
}

async function progress({ postgres, slots, inflictor, say }: Run): Promise<void> {
  const up = slots.filter(({ url }) => url !== undefined).length;
  const found = await postgres.admin(unfinished).catch(() => undefined);
  const work =
    found === undefined ? "Postgres is down" : `${found.complete} steps complete, ${found.tasks} tasks unfinished`;
  const faults = Object.entries(inflictor.counts).map(([kind, count]) => `${kind} ${count}`);
  say(`${up} of ${slots.length} hosts up, ${work}; ${faults.join(", ")}`);
}

async function lookAtProcesses({ slots, processes }: Run): Promise<void> {
  const pids = slots.map(({ pid }) => pid).filter((pid) => pid !== undefined);
  for (const each of descendantsOf(pids)) processes.set(`${each.pid} ${each.startedAt}`, each);
}

async function leakedProcesses({ processes }: Run): Promise<number> {
  const deadline = performance.now() + LEFTOVER_MS;
  for (;;) {
    const running = [...processes.values()].filter(isRunning).length;
    if (running === 0 || performance.now() > deadline) return running;
    await systemClock.wait(50);
  }
}

/** What must hold at any moment is looked at while hosts die: nobody else writes, so nothing needs a minute to settle. */
async function verifyAtWork({ options, postgres, broken }: Run): Promise<void> {
  const patienceMs = PATIENCE_LEASES * options.leaseSeconds * 1_000;
  const { breaches } = await postgres.admin((client) => verify(client, { settled: true, patienceMs }));
  broken.push(...breaches.slice(0, 10).map((breach) => `while hosts worked, ${breachText(breach)}`));
}

function breachText({ invariant, subject, found }: Breach): string {
  return `${invariant}: ${subject ?? "-"} ${found}`;
}

async function countTasks(client: ClientBase, run: string): Promise<number> {
  const { rows } = await client.query<{ readonly n: number }>(
    "select count(*)::int as n from tasker.tasks where initiator = $1",
    [run],
  );
  return rows[0]?.n ?? 0;
}

async function countSteps(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ readonly n: number }>("select count(*)::int as n from tasker.workflow_steps");
  return rows[0]?.n ?? 0;
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error("interrupted", { cause: reason });
}
