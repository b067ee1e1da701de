/**
 * `npm run joins -- [--hosts 3 --diamonds 1000 --repeats 50]`: diamonds whose two branches are reported by several hosts at
 * the same time, again and again, on one database. A join that is lost leaves its task unfinished. The last line is one JSON
 * object; exit code 1 where a join was lost, made twice, or an invariant is broken.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { verify } from "../src/host/database/verify.ts";
import { HostProcess } from "./chaos/host-process.ts";
import { LabPostgres } from "./chaos/postgres.ts";
import { createLabTasks, layEcho, openDatabase, templateOf, untilAtMost } from "./soak/lab.ts";
import { wholeNumber } from "./soak/whole-number.ts";

const STALL_MS = 60_000;
const DIAMOND = { top: [], left: ["top"], right: ["top"], bottom: ["left", "right"] };

const { values } = parseArgs({
  options: { hosts: { type: "string" }, diamonds: { type: "string" }, repeats: { type: "string" } },
});
const hosts = wholeNumber("--hosts", values.hosts, 3);
const diamonds = wholeNumber("--diamonds", values.diamonds, 1_000);
const repeats = wholeNumber("--repeats", values.repeats, 50);
const startedMs = performance.now();
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${line}\n`);
};

const postgres = await LabPostgres.start("joins");
const handlers = await layEcho(postgres.folder, templateOf(DIAMOND));
const running = Array.from(
  { length: hosts },
  (_, index) => new HostProcess(postgres.url, ["--handlers", handlers], join(postgres.folder, `host-${index}.log`)),
);
for (const host of running)
  if ((await host.ready) === undefined) throw new Error(`a host did not start: see ${postgres.folder}`);
const database = openDatabase(postgres);

let lost = 0;
for (let repeat = 0; repeat < repeats; repeat += 1) {
  await createLabTasks(database, repeat * diamonds, diamonds);
  if (!(await untilAtMost(database, lost, STALL_MS))) lost = await unfinished();
  say(`${(repeat + 1) * diamonds} diamonds, ${lost} lost`);
}
const { byTwoHosts, mostEnqueued } = await joinsMade();
const breaches = (await postgres.admin((client) => verify(client, { drained: true }))).breaches;
for (const host of running) host.signal("SIGTERM");
await Promise.all(running.map(({ ended }) => ended));
await database.close();
await postgres.stop();

const holds = lost === 0 && mostEnqueued === 1 && breaches.length === 0;
process.stdout.write(
  `${JSON.stringify({
    hosts,
    joins: diamonds * repeats,
    byTwoHosts,
    lost,
    mostEnqueued,
    invariantsBroken: breaches.map(({ invariant }) => invariant),
    seconds: Math.round((performance.now() - startedMs) / 1_000),
  })}\n`,
);
if (holds) await postgres.remove();
else say(`kept: ${postgres.folder}`);
process.exitCode = holds ? 0 : 1;

async function unfinished(): Promise<number> {
  const [row] = await database.query<{ readonly n: number }>(
    "joins_unfinished",
    "select count(*)::int as n from tasker.tasks where not complete",
  );
  return row?.n ?? 0;
}

/** Joins whose two parents ran on different hosts, and how often the step behind a join was enqueued at the most. */
async function joinsMade(): Promise<{ readonly byTwoHosts: number; readonly mostEnqueued: number }> {
  const [row] = await database.query<{ readonly by_two: number; readonly most: number }>(
    "joins_made",
    `select count(*) filter (where hosts = 2)::int as by_two, max(enqueued)::int as most
     from (select count(distinct l.session_uuid) as hosts,
                  (select count(*) from tasker.workflow_step_transitions t
                   where t.workflow_step_uuid = e.to_step_uuid and t.to_state = 'enqueued') as enqueued
           from tasker.workflow_step_edges e
           join tasker_host.step_leases l on l.workflow_step_uuid = e.from_step_uuid
           group by e.to_step_uuid
           having count(*) = 2) joins`,
  );
  return { byTwoHosts: row?.by_two ?? 0, mostEnqueued: row?.most ?? 0 };
}
