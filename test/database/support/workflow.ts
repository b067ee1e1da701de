import { randomUUID } from "node:crypto";
import { type ClaimRequest, claimSteps } from "../../../src/host/database/claim-steps.ts";
import type { Database } from "../../../src/host/database/connection.ts";
import { reportStepsEmbedded } from "../../../src/host/database/report-steps.ts";
import { openSession } from "../../../src/host/database/sessions.ts";
import type { ClaimedStep, RetryRules, StepReport, StepVerdict } from "../../../src/host/database/steps.ts";
import { type CreatedTask, createTasks, type NewTask } from "../../../src/host/database/tasks.ts";
import { registerTemplate } from "../../../src/host/database/templates.ts";

export const NAMESPACE = "math";
/** Without jitter: waits are exact. */
export const RULES: RetryRules = { baseMs: 1_000, multiplier: 2, maxMs: 3_600_000, jitter: 0 };

/** A step of a template in a test: parents, and what else its definition has. */
export interface StepShape {
  readonly after?: readonly string[];
  readonly type?: string;
  readonly callable?: string;
  readonly retry?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

export const LINEAR = { a: {}, b: { after: ["a"] }, c: { after: ["b"] }, d: { after: ["c"] } } as const;
export const DIAMOND = { a: {}, b: { after: ["a"] }, c: { after: ["a"] }, d: { after: ["b", "c"] } } as const;
export const SINGLE = { only: {} } as const;

/** Registers a template `math/<name>` of these steps. */
export async function register(
  database: Database,
  name: string,
  shapes: Readonly<Record<string, StepShape>>,
  place: { readonly namespace?: string; readonly version?: string } = {},
): Promise<string> {
  const { namespace = NAMESPACE, version = "1.0.0" } = place;
  const steps = Object.entries(shapes).map(([step, { after = [], type = "standard", callable, retry, more }]) => ({
    name: step,
    type,
    dependencies: after,
    handler: { callable: callable ?? `${namespace}.${step}` },
    ...(retry === undefined ? {} : { retry }),
    ...more,
  }));
  const configurationJson = JSON.stringify({ name, namespace_name: namespace, version, steps });
  const { namedTaskUuid } = await registerTemplate(database, {
    namespace,
    name,
    version,
    description: "of a test",
    configurationJson,
  });
  return namedTaskUuid;
}

/** A task of `math/<name>` with a context that no other has. */
export function newTask(name: string, overrides: Partial<NewTask> = {}): NewTask {
  return {
    namespace: NAMESPACE,
    name,
    version: undefined,
    context: JSON.stringify({ run: randomUUID() }),
    initiator: "test",
    sourceSystem: "test",
    reason: "test",
    tags: [],
    priority: 0,
    correlationId: undefined,
    parentCorrelationId: undefined,
    idempotencyKey: undefined,
    ...overrides,
  };
}

export async function createOne(database: Database, name: string, overrides: Partial<NewTask> = {}): Promise<string> {
  const [created] = await createTasks(database, [newTask(name, overrides)]);
  return uuidOf(created);
}

export function uuidOf(created: CreatedTask | undefined): string {
  if (created?.taskUuid === undefined) throw new Error(`no task: ${created?.verdict}`);
  return created.taskUuid;
}

export async function session(database: Database, leaseMs = 30_000): Promise<string> {
  const id = randomUUID();
  await openSession(database, { session: id, hostName: "test", processId: process.pid, hostVersion: "0", leaseMs });
  return id;
}

/** Claims from `math`, of which nothing may be archived. */
export async function claim(
  database: Database,
  host: string,
  overrides: Partial<ClaimRequest> = {},
): Promise<readonly ClaimedStep[]> {
  const { steps, archived } = await claimSteps(database, {
    session: host,
    namespace: NAMESPACE,
    quantity: 100,
    nativeCallables: [],
    ...overrides,
  });
  if (archived.length > 0) throw new Error(`archived: ${JSON.stringify(archived)}`);
  return steps;
}

export async function claimOne(database: Database, host: string): Promise<ClaimedStep> {
  const [step] = await claim(database, host, { quantity: 1 });
  if (step === undefined) throw new Error("nothing to claim");
  return step;
}

/** The StepExecutionResult document of a success. */
export function resultJson(stepUuid: string, result: string): string {
  return `{"step_uuid":"${stepUuid}","success":true,"result":${result},"status":"completed","metadata":{"execution_time_ms":7,"retryable":false},"error":null}`;
}

export function success(step: ClaimedStep, result = '{"ok":true}'): StepReport {
  const { stepUuid, epoch } = step;
  return {
    stepUuid,
    epoch,
    success: true,
    retryable: false,
    retryAfterMs: undefined,
    resultJson: resultJson(stepUuid, result),
  };
}

export function failure(step: ClaimedStep, overrides: Partial<StepReport> = {}): StepReport {
  const { stepUuid, epoch } = step;
  const retryable = overrides.retryable ?? true;
  return {
    stepUuid,
    epoch,
    success: false,
    retryable,
    retryAfterMs: undefined,
    resultJson: `{"step_uuid":"${stepUuid}","success":false,"result":{},"status":"failed","metadata":{"execution_time_ms":1,"retryable":${retryable}},"error":{"message":"no","retryable":${retryable}}}`,
    ...overrides,
  };
}

export function report(
  database: Database,
  host: string,
  reports: readonly StepReport[],
): Promise<readonly StepVerdict[]> {
  return reportStepsEmbedded(database, host, reports, RULES);
}

/** Claims and completes until the queue is empty; returns how many steps ran. */
export async function drain(database: Database, host: string, quantity = 100): Promise<number> {
  for (let done = 0; ;) {
    const steps = await claim(database, host, { quantity });
    if (steps.length === 0) return done;
    done += steps.length;
    await report(
      database,
      host,
      steps.map((step) => success(step)),
    );
  }
}

/** Current state of each step of the task, by name. */
export async function stepStates(database: Database, taskUuid: string): Promise<Readonly<Record<string, string>>> {
  const rows = await database.query<{ readonly name: string; readonly state: string }>(
    "test_step_states",
    `select n.name, coalesce(t.to_state, 'pending') as state
       from tasker.workflow_steps s join tasker.named_steps n using (named_step_uuid)
       left join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
      where s.task_uuid = $1`,
    [taskUuid],
  );
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
}

export async function taskState(database: Database, taskUuid: string): Promise<string> {
  const [row] = await database.query<{ readonly state: string }>(
    "test_task_state",
    "select tasker.get_current_task_state($1) as state",
    [taskUuid],
  );
  return row?.state ?? "none";
}

/** States in the order in which the task went through them. */
export async function taskHistory(database: Database, taskUuid: string): Promise<readonly string[]> {
  const rows = await database.query<{ readonly to_state: string }>(
    "test_task_history",
    "select to_state from tasker.task_transitions where task_uuid = $1 order by sort_key",
    [taskUuid],
  );
  return rows.map((row) => row.to_state);
}

export async function stepHistory(database: Database, stepUuid: string): Promise<readonly string[]> {
  const rows = await database.query<{ readonly to_state: string }>(
    "test_step_history",
    "select to_state from tasker.workflow_step_transitions where workflow_step_uuid = $1 order by sort_key",
    [stepUuid],
  );
  return rows.map((row) => row.to_state);
}

/** Messages that wait in the queue of `math`. */
export async function queueLength(database: Database, namespace = NAMESPACE): Promise<number> {
  const [row] = await database.query<{ readonly n: number }>(
    "test_queue_length",
    "select queue_length as n from pgmq.metrics(tasker_host.queue_of($1))",
    [namespace],
  );
  return row?.n ?? -1;
}

/** What must hold after whatever happened: the names of what does not. */
export async function brokenInvariants(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ readonly broken: string }>("test_invariants", INVARIANTS);
  return rows.map(({ broken }) => broken);
}

const INVARIANTS = `
  with step_chain as (
    select workflow_step_uuid as id, sort_key, from_state, to_state, most_recent,
           lag(to_state) over w as before, row_number() over w as n, count(*) over (partition by workflow_step_uuid) as length
      from tasker.workflow_step_transitions window w as (partition by workflow_step_uuid order by sort_key)
  ), task_chain as (
    select task_uuid as id, sort_key, from_state, to_state, most_recent,
           lag(to_state) over w as before, row_number() over w as n, count(*) over (partition by task_uuid) as length
      from tasker.task_transitions window w as (partition by task_uuid order by sort_key)
  )
  select 'step chain broken: ' || id as broken from step_chain
   -- A step that was added to a running task has no transition to 'pending'.
   where sort_key <> n or from_state is distinct from coalesce(before, case when from_state = 'pending' then 'pending' end)
      or most_recent <> (n = length)
  union all
  select 'task chain broken: ' || id from task_chain
   where sort_key <> n or from_state is distinct from before or most_recent <> (n = length)
  union all
  select 'illegal step transition ' || from_state || ' → ' || to_state from step_chain
   where from_state is not null and not exists (
     select from tasker_host.state_transitions() s
      where s.machine = 'step' and s.from_state = step_chain.from_state and s.to_state = step_chain.to_state)
  union all
  select 'illegal task transition ' || from_state || ' → ' || to_state from task_chain
   where from_state is not null and not exists (
     select from tasker_host.state_transitions() s
      where s.machine = 'task' and s.from_state = task_chain.from_state and s.to_state = task_chain.to_state)
  union all
  select 'completed twice: ' || id from step_chain where to_state = 'complete' group by id having count(*) > 1
  union all
  select 'finalized twice: ' || id from task_chain where to_state = 'complete' group by id having count(*) > 1
  union all
  select 'starts and epochs differ: ' || l.workflow_step_uuid from tasker_host.step_leases l
   group by l.workflow_step_uuid having max(l.epoch) <> count(*)
  union all
  select 'more attempts than starts: ' || s.workflow_step_uuid from tasker.workflow_steps s
   where s.attempts > (select count(*) from tasker_host.step_leases l where l.workflow_step_uuid = s.workflow_step_uuid)
  union all
  select 'in progress and not in process, or the other way round: ' || s.workflow_step_uuid
    from tasker.workflow_steps s
    join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
   where s.in_process <> (t.to_state = 'in_progress') or s.processed <> (t.to_state in ('complete', 'resolved_manually', 'cancelled'))
  union all
  select 'live lease of a step that is not in progress: ' || l.workflow_step_uuid
    from tasker_host.step_leases l
    join tasker.workflow_step_transitions t on t.workflow_step_uuid = l.workflow_step_uuid and t.most_recent
   where l.ended_at is null and t.to_state <> 'in_progress'
  union all
  select 'waits without a time: ' || t.workflow_step_uuid from tasker.workflow_step_transitions t
   where t.most_recent and t.to_state = 'waiting_for_retry'
     and not exists (select from tasker_host.step_retries r where r.workflow_step_uuid = t.workflow_step_uuid)
  union all
  select 'started before a parent was done: ' || child.workflow_step_uuid
    from tasker.workflow_step_edges e
    join tasker.workflow_step_transitions child on child.workflow_step_uuid = e.to_step_uuid and child.to_state = 'enqueued'
   where not exists (
     select from tasker.workflow_step_transitions parent
      where parent.workflow_step_uuid = e.from_step_uuid and parent.to_state in ('complete', 'resolved_manually')
        and parent.created_at <= child.created_at)
  union all
  select 'result without audit row, or with two: ' || t.workflow_step_transition_uuid
    from tasker.workflow_step_transitions t
   where t.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
     and (select count(*) from tasker.workflow_step_result_audit a
           where a.workflow_step_transition_uuid = t.workflow_step_transition_uuid) <> 1`;

/** Sets the clock of the functions in every session of `database` (which must have one connection only). */
export async function setTime(database: Database, at: Date | undefined): Promise<void> {
  const text = at === undefined ? "" : at.toISOString().replace("Z", "");
  await database.query("test_set_time", "select set_config('tasker_host.now', $1, false)", [text]);
}

/** A clock of `database` that starts now and moves by hand. */
export async function handClock(database: Database): Promise<(byMs: number) => Promise<void>> {
  let atMs = Date.now();
  await setTime(database, new Date(atMs));
  return async (byMs) => {
    atMs += byMs;
    await setTime(database, new Date(atMs));
  };
}
