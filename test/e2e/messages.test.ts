import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { createOne, register, SINGLE } from "../database/support/workflow.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startTestHost } from "../support/host.ts";

const QUEUE = "worker_recovery_queue";

let database: TestDatabase;
let client: Database;
let host: Host;
/** Step uuids in the order in which their handlers began. */
const began: string[] = [];
let started = Promise.withResolvers<void>();
let mayAnswer = Promise.withResolvers<void>();

beforeAll(async () => {
  database = await testDatabase();
  client = database.open();
  host = await startTestHost({
    database,
    handlersDir: `${import.meta.dirname}/fixtures/recovery`,
    subscribe: (subscriber) => {
      subscriber.subscribe("recovery.answer", async ({ step }) => {
        began.push(step.stepUuid);
        started.resolve();
        await mayAnswer.promise;
        return null;
      });
    },
  });
});

afterAll(async () => {
  mayAnswer.resolve();
  await host?.stop();
  await database?.close();
});

/** Puts messages into the namespace's queue, as anybody with the right to write there can. */
async function send(...messages: readonly unknown[]): Promise<readonly number[]> {
  const rows = await client.query<{ id: number }>("send", "select pgmq.send_batch($1, $2::jsonb[]) as id", [
    QUEUE,
    messages.map((message) => JSON.stringify(message)),
  ]);
  return rows.map(({ id }) => id);
}

/** Why each was archived, once all are. */
async function reasons(ids: readonly number[]): Promise<readonly string[]> {
  const read = async (): Promise<readonly string[]> => {
    const rows = await client.query<{ reason: string }>(
      "reasons",
      `select m.reason from tasker_host.archived_messages m join pgmq.a_${QUEUE} using (msg_id)
        where m.queue_name = $1 and m.msg_id = any ($2) order by m.msg_id`,
      [QUEUE, ids],
    );
    return rows.map(({ reason }) => reason);
  };
  await expect.poll(read).toHaveLength(ids.length);
  return read();
}

async function counted(reason: string): Promise<number> {
  const text = await (await fetch(`${host.url}/metrics`)).text();
  const line = new RegExp(`^tasker_messages_archived_total\\{namespace="recovery",reason="${reason}"\\} (\\d+)$`, "m");
  return Number(line.exec(text)?.[1] ?? 0);
}

async function waiting(): Promise<number> {
  const [row] = await client.query<{ n: number }>("waiting", `select count(*)::int as n from pgmq.q_${QUEUE}`);
  return row?.n ?? -1;
}

async function stepsOf(taskUuid: string): Promise<{ first: string; second: string }> {
  const rows = await client.query<{ name: string; uuid: string }>(
    "steps_of",
    `select n.name, s.workflow_step_uuid as uuid
       from tasker.workflow_steps s join tasker.named_steps n using (named_step_uuid) where s.task_uuid = $1`,
    [taskUuid],
  );
  const uuids = new Map(rows.map(({ name, uuid }) => [name, uuid]));
  return { first: uuids.get("first") ?? "", second: uuids.get("second") ?? "" };
}

/** A task whose first step runs. */
async function runningTask(): Promise<{ taskUuid: string; first: string; second: string }> {
  started = Promise.withResolvers();
  mayAnswer = Promise.withResolvers();
  began.length = 0;
  const taskUuid = await createOne(client, "answers", { namespace: "recovery" });
  await started.promise;
  return { taskUuid, ...(await stepsOf(taskUuid)) };
}

const message = (step: string): unknown => ({ task_uuid: randomUUID(), step_uuid: step, correlation_id: randomUUID() });

it("messages that come twice, too early and too late lead to no second run, and are archived with their reasons", async () => {
  const { taskUuid, first, second } = await runningTask();
  // The second step's turn has not come; the first one's has, once.
  const early = await send(message(second), message(first), message(first));
  expect(await reasons(early)).toEqual(["not_enqueued", "already_claimed", "duplicate"]);
  mayAnswer.resolve();
  expect(await database.taskState(taskUuid, ["complete"])).toBe("complete");
  const late = await send(message(second), message(first));
  expect(await reasons(late)).toEqual(["finished", "finished"]);
  expect(began).toEqual([first, second]);
  expect(await waiting()).toBe(0);
  expect(await counted("duplicate")).toBe(1);
  expect(await counted("already_claimed")).toBe(1);
  expect(await counted("not_enqueued")).toBe(1);
  expect(await counted("finished")).toBe(2);
});

it("messages that are none, or of steps that are not there or not ours, are archived, and the next one is served", async () => {
  const { taskUuid, first } = await runningTask();
  const foreignStep = await foreignStepUuid();
  const bad = await send(
    null,
    "text",
    [1],
    {},
    { step_uuid: 7 },
    { step_uuid: "' or true --" },
    { step_uuid: { nested: "\u{10ffff}" } },
    message(randomUUID()),
    message(foreignStep),
  );
  expect(await reasons(bad)).toEqual([...Array<string>(7).fill("malformed"), "unknown_step", "foreign_namespace"]);
  mayAnswer.resolve();
  expect(await database.taskState(taskUuid, ["complete"])).toBe("complete");
  expect(began[0]).toBe(first);
  expect(await counted("malformed")).toBe(7);
  expect(await counted("unknown_step")).toBe(1);
  expect(await counted("foreign_namespace")).toBe(1);
  expect(await waiting()).toBe(0);
});

/** A step of another namespace's task. */
async function foreignStepUuid(): Promise<string> {
  await register(client, "single", SINGLE, { namespace: "theirs" });
  const taskUuid = await createOne(client, "single", { namespace: "theirs" });
  const [row] = await client.query<{ uuid: string }>(
    "foreign_step",
    "select workflow_step_uuid as uuid from tasker.workflow_steps where task_uuid = $1",
    [taskUuid],
  );
  return row?.uuid ?? "";
}
