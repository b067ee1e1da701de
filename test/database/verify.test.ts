import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { readInvariants, verify } from "../../src/host/database/verify.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { clear } from "./support/clear.ts";
import {
  claim,
  claimOne,
  createOne,
  DIAMOND,
  drain,
  failure,
  LINEAR,
  register,
  report,
  session,
  SINGLE,
} from "./support/workflow.ts";

let testDb: TestDatabase;
let database: Database;
let host: string;

beforeAll(async () => {
  testDb = await testDatabase();
  database = testDb.open({ maxConnections: 1 });
});
afterAll(() => testDb?.close());

beforeEach(async () => {
  await clear(database);
  await register(database, "single", SINGLE);
  await register(database, "linear", LINEAR);
  await register(database, "diamond", DIAMOND);
  host = await session(database);
});

/** Names of what is broken, on a system at rest or not. */
async function broken(drained = false): Promise<readonly string[]> {
  const { breaches } = await database.session((client) => verify(client, { drained, settled: true }));
  return [...new Set(breaches.map(({ invariant }) => invariant))].sort();
}

/** A task of each kind, all complete. */
async function finishSome(): Promise<void> {
  for (const name of ["single", "linear", "diamond"]) await createOne(database, name);
  await drain(database, host);
}

function run(sql: string): Promise<readonly unknown[]> {
  return database.query(`plant_${randomUUID()}`, sql);
}

const ONE_STEP = "(select workflow_step_uuid from tasker.workflow_steps order by 1 limit 1)";
const ONE_TASK = "(select task_uuid from tasker.tasks order by 1 limit 1)";

/** A fault in a database where every task is complete, and what it breaks: first what is named for it. */
const FAULTS: readonly (readonly [fault: string, sql: string, breaks: readonly string[]])[] = [
  [
    "a step's transition that is missing",
    `with gone as (delete from tasker.workflow_step_result_audit where workflow_step_uuid = ${ONE_STEP})
     delete from tasker.workflow_step_transitions t
      where t.workflow_step_uuid = ${ONE_STEP} and t.to_state = 'enqueued'`,
    ["step_chain_unbroken"],
  ],
  [
    "a task's transition that starts elsewhere",
    `update tasker.task_transitions set from_state = 'waiting_for_dependencies' where task_uuid = ${ONE_TASK} and sort_key = 5`,
    ["task_chain_unbroken"],
  ],
  [
    "a step without a most recent transition",
    `update tasker.workflow_step_transitions set most_recent = false where workflow_step_uuid = ${ONE_STEP}`,
    ["step_one_most_recent", "complete_tasks_are_done"],
  ],
  [
    "a task whose first transition is the most recent",
    `update tasker.task_transitions set most_recent = false where task_uuid = ${ONE_TASK};
     update tasker.task_transitions set most_recent = true where task_uuid = ${ONE_TASK} and sort_key = 4`,
    ["task_one_most_recent"],
  ],
  [
    "a step that went a way that there is not",
    `update tasker.workflow_step_transitions set to_state = 'error' where workflow_step_uuid = ${ONE_STEP} and sort_key = 2;
     update tasker.workflow_step_transitions set from_state = 'error' where workflow_step_uuid = ${ONE_STEP} and sort_key = 3`,
    ["step_transitions_legal"],
  ],
  [
    "a task that went a way that there is not",
    `update tasker.task_transitions set to_state = 'error' where task_uuid = ${ONE_TASK} and sort_key = 2;
     update tasker.task_transitions set from_state = 'error' where task_uuid = ${ONE_TASK} and sort_key = 3`,
    ["task_transitions_legal"],
  ],
  [
    "a step that completed a second time",
    `update tasker.workflow_step_transitions set most_recent = false where workflow_step_uuid = ${ONE_STEP};
     insert into tasker.workflow_step_transitions
       (workflow_step_uuid, from_state, to_state, sort_key, most_recent, created_at, updated_at)
     select ${ONE_STEP}, 'complete', 'complete', 6, true, now(), now()`,
    ["completed_once"],
  ],
  [
    "a task whose row does not know that it is complete",
    `update tasker.tasks set complete = false where task_uuid = ${ONE_TASK}`,
    ["finalized_once"],
  ],
  [
    "a step behind the end of its task",
    `delete from tasker.workflow_step_transitions t
      where t.workflow_step_uuid = ${ONE_STEP} and t.to_state = 'complete';
     update tasker.workflow_step_transitions set most_recent = true where workflow_step_uuid = ${ONE_STEP} and sort_key = 4`,
    ["complete_tasks_are_done"],
  ],
  [
    "a step that was enqueued before its parent was done",
    `update tasker.workflow_step_transitions set created_at = created_at - interval '1 hour'
      where to_state = 'enqueued' and workflow_step_uuid = (select to_step_uuid from tasker.workflow_step_edges limit 1)`,
    ["parents_before_children"],
  ],
  [
    "an epoch that was left out",
    `update tasker_host.step_leases set epoch = 2 where workflow_step_uuid = ${ONE_STEP}`,
    ["epochs_count_starts"],
  ],
  [
    "an attempt without a start",
    `update tasker.workflow_steps set attempts = 2 where workflow_step_uuid = ${ONE_STEP}`,
    ["attempts_within_starts"],
  ],
  [
    "a lease that nobody claimed",
    `insert into tasker_host.step_leases
       (workflow_step_uuid, epoch, attempt, task_uuid, namespace, session_uuid, claimed_at, ended_at, ended_as)
     select workflow_step_uuid, 2, 1, task_uuid, namespace, session_uuid, claimed_at, ended_at, ended_as
     from tasker_host.step_leases where workflow_step_uuid = ${ONE_STEP}`,
    ["leases_follow_claims"],
  ],
  [
    "a flag that was forgotten",
    `update tasker.workflow_steps set in_process = true where workflow_step_uuid = ${ONE_STEP}`,
    ["flags_match_state"],
  ],
  [
    "a lease that outlived its step",
    `update tasker_host.step_leases set ended_at = null, ended_as = null where workflow_step_uuid = ${ONE_STEP};
     update tasker_host.host_sessions set lease_ms = 1;
     update tasker.workflow_step_transitions set created_at = created_at - interval '1 minute'
      where workflow_step_uuid = ${ONE_STEP}`,
    ["leases_belong_to_running_steps"],
  ],
  [
    "a retry of a step that is complete",
    `insert into tasker_host.step_retries (workflow_step_uuid, task_uuid, due_at) values (${ONE_STEP}, ${ONE_TASK}, '2020-01-01')`,
    ["retries_belong_to_waiting_steps"],
  ],
  [
    "a result that was audited twice",
    `insert into tasker.workflow_step_result_audit (workflow_step_uuid, workflow_step_transition_uuid, task_uuid, success)
     select a.workflow_step_uuid, t.workflow_step_transition_uuid, a.task_uuid, true
     from tasker.workflow_step_result_audit a
     join tasker.workflow_step_transitions t using (workflow_step_uuid)
     where a.workflow_step_uuid = ${ONE_STEP} and t.to_state = 'complete';
     delete from tasker.workflow_step_result_audit a using tasker.workflow_step_transitions t
     where t.workflow_step_transition_uuid = a.workflow_step_transition_uuid and a.workflow_step_uuid = ${ONE_STEP}
       and t.to_state <> 'complete'`,
    ["results_have_an_audit_row"],
  ],
];

/** The last hour is over, for hosts and for what waits for them; one host is up. */
const AN_HOUR_LATER = `
     update tasker_host.host_sessions set started_at = started_at - interval '1 hour'`;

/** A fault while steps run (`work` leaves them so), and what it breaks. */
const FAULTS_AT_WORK: readonly (readonly [
  fault: string,
  work: () => Promise<unknown>,
  sql: string,
  breaks: readonly string[],
])[] = [
  [
    "a running step whose lease is gone",
    () => runOne("single"),
    "update tasker_host.step_leases set ended_at = claimed_at, ended_as = 'recorded'",
    ["running_steps_have_a_lease"],
  ],
  [
    "a lease of a session that nobody knows",
    () => runOne("single"),
    "delete from tasker_host.host_sessions",
    ["leases_have_sessions"],
  ],
  [
    "an enqueued step whose message is gone",
    () => createOne(database, "single"),
    "delete from pgmq.q_worker_math_queue",
    ["enqueued_steps_have_a_message"],
  ],
  [
    "a waiting step without a time",
    () => failOne("single", true),
    "delete from tasker_host.step_retries",
    ["waiting_steps_have_a_time"],
  ],
  [
    "a lease that a dead host left and nobody took over",
    () => leaveOne("single"),
    `update tasker_host.host_sessions set ended_at = started_at, ended_as = 'dead' where session_uuid in (
       select session_uuid from tasker_host.step_leases)`,
    ["orphan_leases_are_taken_over"],
  ],
  [
    "a lease of a host that is silent and that nobody buried",
    () => leaveOne("single"),
    `update tasker_host.host_sessions set heartbeat_at = heartbeat_at - interval '1 hour' where session_uuid in (
       select session_uuid from tasker_host.step_leases)`,
    ["orphan_leases_are_taken_over"],
  ],
  [
    "a lease that was offered and that nobody wanted",
    () => leaveOne("single"),
    `update tasker_host.step_leases set released_at = claimed_at - interval '1 hour', released_as = 'interrupted'`,
    ["orphan_leases_are_taken_over"],
  ],
  [
    "a retry that nobody woke",
    () => failOne("single", true),
    `update tasker_host.step_retries set due_at = due_at - interval '1 hour';${AN_HOUR_LATER}`,
    ["due_retries_are_woken"],
  ],
  [
    "a message of a step that is complete",
    () => finishSome(),
    `select pgmq.send('worker_math_queue', jsonb_build_object('step_uuid', ${ONE_STEP}));
     update pgmq.q_worker_math_queue set enqueued_at = now() - interval '1 hour', vt = now() - interval '1 hour';${AN_HOUR_LATER}`,
    ["messages_belong_to_enqueued_steps"],
  ],
  [
    "a message of no step",
    () => finishSome(),
    `select pgmq.send('worker_math_queue', '{}');
     update pgmq.q_worker_math_queue set enqueued_at = now() - interval '1 hour', vt = now() - interval '1 hour';${AN_HOUR_LATER}`,
    ["messages_belong_to_enqueued_steps"],
  ],
  [
    "a step that may not run twice and did",
    () => runOne("single"),
    `update tasker.workflow_steps set retryable = false;
     update tasker_host.step_leases set ended_at = claimed_at, ended_as = 'taken_over';
     insert into tasker_host.step_leases (workflow_step_uuid, epoch, attempt, task_uuid, namespace, session_uuid, claimed_at)
     select workflow_step_uuid, 2, 2, task_uuid, namespace, session_uuid, claimed_at from tasker_host.step_leases`,
    ["at_most_once_starts_once"],
  ],
  [
    "a join that was missed",
    () => finishAllButOne("diamond"),
    `delete from pgmq.q_worker_math_queue;
     with gone as (delete from tasker.workflow_step_transitions where most_recent and to_state = 'enqueued' returning *)
     update tasker.workflow_step_transitions t set most_recent = true from gone g
      where g.workflow_step_uuid = t.workflow_step_uuid and t.to_state = 'pending'`,
    ["ready_steps_are_enqueued", "no_task_stuck"],
  ],
  ["a task that nobody finalized", () => finishAndForget("single"), "select 1", ["no_task_stuck"]],
  [
    "a blocked task whose error is gone",
    () => failOne("single", false),
    `update tasker.workflow_step_transitions set to_state = 'waiting_for_retry' where most_recent and to_state = 'error'`,
    ["blocked_tasks_have_an_error"],
  ],
];

async function runOne(name: string): Promise<void> {
  await createOne(database, name);
  await claim(database, host);
}

/** A step that a host runs, which another one, up for an hour, could take over. */
async function leaveOne(name: string): Promise<void> {
  await runOne(name);
  await session(database);
  await run(AN_HOUR_LATER);
}

async function failOne(name: string, retryable: boolean): Promise<void> {
  await createOne(database, name);
  await report(database, host, [failure(await claimOne(database, host), { retryable })]);
}

/** Up to where the last step of the task is enqueued. */
async function finishAllButOne(name: string): Promise<void> {
  await createOne(database, name);
  for (let left = Object.keys(DIAMOND).length - 1; left > 0; left -= 1) {
    const step = await claimOne(database, host);
    await report(database, host, [{ ...failure(step), success: true, resultJson: successJson(step.stepUuid) }]);
  }
}

function successJson(stepUuid: string): string {
  return `{"step_uuid":"${stepUuid}","success":true,"result":{},"status":"completed","metadata":{"retryable":false},"error":null}`;
}

/** The step is complete, and the task's last transitions did not happen. */
async function finishAndForget(name: string): Promise<void> {
  await createOne(database, name);
  await drain(database, host);
  await run("delete from tasker.task_transitions where sort_key > 4");
  await run("update tasker.task_transitions set most_recent = true where sort_key = 4");
  await run("update tasker.tasks set complete = false");
}

describe("verify()", () => {
  it("finds nothing where tasks are complete, run, wait and are blocked", async () => {
    await finishSome();
    await failOne("single", true);
    await failOne("linear", false);
    await runOne("diamond");
    await createOne(database, "linear");
    expect(await broken()).toEqual([]);
  });

  it("finds nothing on a system at rest, not even what must be gone then", async () => {
    await finishSome();
    expect(await broken(true)).toEqual([]);
  });

  it.each(FAULTS)("finds %s", async (_fault, sql, breaks) => {
    await finishSome();
    await plant(sql);
    expect(await broken()).toEqual(expect.arrayContaining([...breaks]));
  });

  it.each(FAULTS_AT_WORK)("finds %s", async (_fault, work, sql, breaks) => {
    await work();
    await plant(sql);
    expect(await broken()).toEqual(expect.arrayContaining([...breaks]));
  });

  it("finds what is left over on a system that should be at rest", async () => {
    await createOne(database, "single");
    expect(await broken(true)).toEqual(["no_message_left", "no_step_under_way", "nothing_unfinished"]);
    const step = await claimOne(database, host);
    expect(await broken(true)).toEqual(["no_lease_left", "no_step_under_way", "nothing_unfinished"]);
    await report(database, host, [failure(step)]);
    expect(await broken(true)).toEqual(["no_retry_left", "no_step_under_way", "nothing_unfinished"]);
  });

  it("plants a fault for every invariant of the file", async () => {
    const planted = [
      ...FAULTS.flatMap(([, , breaks]) => breaks),
      ...FAULTS_AT_WORK.flatMap(([, , , breaks]) => breaks),
    ];
    const left = ["no_message_left", "no_step_under_way", "nothing_unfinished", "no_lease_left", "no_retry_left"];
    const names = (await readInvariants()).map(({ name }) => name);
    expect(names.toSorted()).toEqual([...new Set([...planted, ...left])].sort());
  });

  it("leaves alone what hosts may still see to, what waits behind others, and what there was no host for", async () => {
    const names = async (): Promise<readonly string[]> =>
      (await broken()).filter((name) => /^(orphan|due_retries|messages)/.test(name));
    // Nobody was up for long enough.
    await leaveOne("single");
    await plant(`update tasker_host.step_leases set released_at = now() - interval '1 hour', released_as = 'not_started';
     update tasker_host.host_sessions set started_at = now()`);
    expect(await names()).toEqual([]);
    // Offered a minute ago.
    await plant(`update tasker_host.step_leases set released_at = tasker_host.current_time() - interval '1 minute';
     update tasker_host.host_sessions set started_at = started_at - interval '1 day'`);
    expect(await names()).toEqual([]);
    const { breaches } = await database.session((client) => verify(client, { settled: true, patienceMs: 30_000 }));
    expect(breaches.map(({ invariant }) => invariant)).toEqual(["orphan_leases_are_taken_over"]);
    await plant("update tasker_host.step_leases set released_at = null, released_as = null");
    // A message of nobody's behind one that waits for its claim.
    await createOne(database, "single");
    await plant(`select pgmq.send('worker_math_queue', '{}');
     update pgmq.q_worker_math_queue set enqueued_at = now() - interval '1 hour', vt = now() - interval '1 hour'`);
    expect(await names()).toEqual([]);
  });

  it("lets a step that may not run twice start again where no handler saw it, and where somebody reset it", async () => {
    await runOne("single");
    await plant(`update tasker.workflow_steps set retryable = false;
     update tasker_host.step_leases set ended_at = claimed_at, ended_as = 'handed_over', released_at = claimed_at, released_as = 'not_started';
     insert into tasker_host.step_leases (workflow_step_uuid, epoch, attempt, task_uuid, namespace, session_uuid, claimed_at)
     select workflow_step_uuid, 2, 1, task_uuid, namespace, session_uuid, claimed_at from tasker_host.step_leases`);
    expect(await broken()).toEqual([]);
    // Each start after a reset is one that somebody wanted.
    await plant(`update tasker_host.step_leases set released_at = null, released_as = null where epoch = 1;
     update tasker.workflow_step_transitions set from_state = 'error' where to_state = 'enqueued';
     insert into tasker.workflow_step_transitions (workflow_step_uuid, from_state, to_state, sort_key, most_recent, created_at, updated_at)
     select workflow_step_uuid, 'error', 'pending', 100, false, now(), now() from tasker.workflow_steps`);
    expect(await broken()).not.toContain("at_most_once_starts_once");
  });

  it("gives what changed a moment ago a minute to settle, unless nobody else writes", async () => {
    await finishSome();
    await plant(`update tasker.workflow_steps set in_process = true where workflow_step_uuid = ${ONE_STEP}`);
    const { breaches } = await database.session((client) => verify(client));
    expect(breaches).toEqual([]);
  });

  it("looks at nothing before the uuid that it starts from", async () => {
    await finishSome();
    await plant(`update tasker.workflow_steps set attempts = 9 where workflow_step_uuid = ${ONE_STEP}`);
    const [{ last } = { last: "" }] = await database.query<{ readonly last: string }>(
      "last_step",
      "select workflow_step_uuid as last from tasker.workflow_steps order by 1 desc limit 1",
    );
    const { breaches } = await database.session((client) => verify(client, { settled: true, from: last }));
    expect(breaches).toEqual([]);
  });

  it("changes nothing: it runs in read-only transactions, and leaves the session as it was", async () => {
    await finishSome();
    const settings = async (): Promise<unknown> =>
      database.query(
        "settings",
        `select current_setting('statement_timeout'), current_setting('transaction_read_only'),
                coalesce(current_setting('tasker_host.verify_settle', true), '') as settle`,
      );
    const before = await settings();
    await database.session((client) => verify(client, { drained: true }));
    expect(await settings()).toEqual(before);
  });
});

/** Statements one by one: each its own transaction. */
async function plant(sql: string): Promise<void> {
  for (const statement of sql.split(/;\s*\n/)) await run(statement);
}
