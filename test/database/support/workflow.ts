import { randomUUID } from "node:crypto";
import { type ClaimRequest, claimSteps } from "../../../src/host/database/claim-steps.ts";
import type { Database } from "../../../src/host/database/connection.ts";
import { reportStepsEmbedded } from "../../../src/host/database/report-steps.ts";
import { openSession } from "../../../src/host/database/sessions.ts";
import type { ClaimedStep, RetryRules, StepReport, StepVerdict } from "../../../src/host/database/steps.ts";
import { type CreatedTask, createTasks, type NewTask } from "../../../src/host/database/tasks.ts";
import { registerTemplate } from "../../../src/host/database/templates.ts";
import { verify } from "../../../src/host/database/verify.ts";
import { TEST_ACTOR } from "../../support/test-actor.ts";

export const NAMESPACE = "math";
/** Without jitter: waits are exact. */
export const RULES: RetryRules = { baseMs: 1_000, multiplier: 2, maxMs: 3_600_000, jitter: 0 };

export const MAX_DEPENDENCY_BYTES = 1_000_000;

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
  const { namedTaskUuid } = await registerTemplate(database, TEST_ACTOR, {
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
    maxDependencyBytes: MAX_DEPENDENCY_BYTES,
    mode: "embedded",
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

/** What must hold after whatever happened, on a database that nobody else works on: what does not. */
export async function brokenInvariants(database: Database): Promise<readonly string[]> {
  const { breaches } = await database.session((client) => verify(client, { settled: true }));
  return breaches
    .filter(({ invariant }) => invariant !== ORCHESTRATED)
    .map(({ invariant, subject, found }) => `${invariant}: ${subject ?? "-"} ${found}`);
}

/** Tests that move single steps, as an orchestrator of Tasker's own or an operator does, leave the task to whoever that is. */
const ORCHESTRATED = "no_task_stuck";

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
