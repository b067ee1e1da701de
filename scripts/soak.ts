/**
 * `npm run soak -- [--steps 1000000 --window 50000 --rest 40]`: no-op steps through one host, and what the host and its sandbox
 * processes hold while and after that. The first window warms up. The last line is one JSON object; exit code 1 where memory
 * grew by 64 MiB or more, or where anything leaked.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../src/core/clock.ts";
import type { Database } from "../src/host/database/connection.ts";
import { verify } from "../src/host/database/verify.ts";
import { HostProcess } from "./chaos/host-process.ts";
import { percentiles } from "./chaos/percentiles.ts";
import { LabPostgres } from "./chaos/postgres.ts";
import { isRunning, descendantsOf } from "./chaos/process-tree.ts";
import { type Footprint, footprintOf } from "./soak/footprint.ts";
import { createLabTasks, layEcho, openDatabase, templateOf, untilAtMost } from "./soak/lab.ts";
import { wholeNumber } from "./soak/whole-number.ts";

const STEPS_OF_TASK = 10;
/** Tasks that wait at the most: the queue stays short, as in a system that keeps up. */
const BACKLOG = 1_000;
const FEED = 500;
const SAMPLE_MS = 250;
const STALL_MS = 120_000;
/** More at once than the defaults: one host does twice as many no-op steps then. */
const WIDE = ["max_concurrent_steps=200", "max_pool_size=200"].flatMap((setting) => [
  "--set",
  `executor_pools.step_executor_pool.${setting}`,
]);
const MAX_GROWTH_BYTES = 64 * 1_048_576;

/** What is held when nothing is under way. */
interface AtRest extends Footprint {
  readonly connections: number;
  readonly openLeases: number;
}

const { values } = parseArgs({
  options: { steps: { type: "string" }, window: { type: "string" }, rest: { type: "string" } },
});
const steps = wholeNumber("--steps", values.steps, 1_000_000);
const window = wholeNumber("--window", values.window, 50_000);
/** Before anything is counted at rest: the pool lets go of connections that were idle for 30 s. */
const restMs = 1_000 * wholeNumber("--rest", values.rest, 40);
const startedMs = performance.now();
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${line}\n`);
};

const template = templateOf(Object.fromEntries(Array.from({ length: STEPS_OF_TASK }, (_, n) => [`step_${n}`, []])));
const postgres = await LabPostgres.start("soak");
const handlers = await layEcho(postgres.folder, template);
const host = new HostProcess(postgres.url, ["--handlers", handlers, ...WIDE], join(postgres.folder, "host.log"));
if ((await host.ready) === undefined) throw new Error(`the host did not start: see ${postgres.folder}/host.log`);
const database = openDatabase(postgres);

const windows: number[] = [];
await soakWindow(0);
const warm = await atRest();
say(`warm: ${describe(warm)}`);
for (let done = window; done < steps; done += window) await soakWindow(done);
const end = await atRest();
say(`in the end: ${describe(end)}`);
const breaches = (await postgres.admin((client) => verify(client, { drained: true }))).breaches.length;
const below = descendantsOf([host.pid]);
host.signal("SIGTERM");
const { code } = await host.ended;
const outlived = below.filter(isRunning).length;
await database.close();

const [first = 0, ...later] = windows;
const grownBytes = Math.max(0, ...later.map((bytes) => bytes - first));
const leaked = {
  processes: outlived + Math.max(0, end.processes - warm.processes),
  descriptors: Math.max(0, end.descriptors - warm.descriptors),
  connections: Math.max(0, end.connections - warm.connections),
  leases: end.openLeases,
};
const holds =
  grownBytes < MAX_GROWTH_BYTES && Object.values(leaked).every((n) => n === 0) && breaches === 0 && code === 0;
process.stdout.write(
  `${JSON.stringify({
    steps,
    seconds: Math.round((performance.now() - startedMs) / 1_000),
    residentBytes: { warm: first, highest: Math.max(...windows), last: windows.at(-1) },
    grownBytes,
    atRest: { warm, end },
    leaked,
    invariantsBroken: breaches,
    exitCode: code,
  })}\n`,
);
await postgres.stop();
if (holds) await postgres.remove();
else say(`kept: ${postgres.folder}`);
process.exitCode = holds ? 0 : 1;

/** A window's steps through the host; remembers the median of what was resident meanwhile. */
async function soakWindow(from: number): Promise<void> {
  const windowStartedMs = performance.now();
  const samples: number[] = [];
  const over = new AbortController();
  const sampling = sample(samples, over.signal);
  await feed(database, from / STEPS_OF_TASK, Math.min(window, steps - from) / STEPS_OF_TASK);
  over.abort();
  await sampling;
  const { p50 = 0 } = percentiles(samples);
  // What warms up is no measure of what comes later.
  if (from > 0) windows.push(p50);
  const rate = (window * 1_000) / (performance.now() - windowStartedMs);
  say(`${from + window} steps, ${Math.round(rate)} steps/s, resident ${mebibytes(p50)} MiB`);
}

async function feed(to: Database, first: number, count: number): Promise<void> {
  for (let at = 0; at < count; at += FEED) {
    await createLabTasks(to, first + at, Math.min(FEED, count - at));
    await untilOrThrow(to, BACKLOG);
  }
  await untilOrThrow(to, 0);
}

async function untilOrThrow(of: Database, most: number): Promise<void> {
  if (!(await untilAtMost(of, most, STALL_MS))) throw new Error(`more than ${most} tasks for ${STALL_MS} ms`);
}

async function sample(samples: number[], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    samples.push(footprintOf(host.pid).residentBytes);
    await systemClock.wait(SAMPLE_MS, over);
  }
}

async function atRest(): Promise<AtRest> {
  await systemClock.wait(restMs);
  const [row] = await database.query<{ readonly connections: number; readonly leases: number }>(
    "soak_at_rest",
    `select (select count(*)::int from pg_stat_activity
             where application_name = 'tasker-host' and pid <> pg_backend_pid()) as connections,
            (select count(*)::int from tasker_host.step_leases where ended_at is null) as leases`,
  );
  return { ...footprintOf(host.pid), connections: row?.connections ?? 0, openLeases: row?.leases ?? 0 };
}

function describe({ processes, descriptors, residentBytes, connections, openLeases }: AtRest): string {
  return `${mebibytes(residentBytes)} MiB, ${processes} processes, ${descriptors} descriptors, ${connections} connections, ${openLeases} leases`;
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
