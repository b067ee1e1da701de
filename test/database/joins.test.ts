import { describe, expect, it } from "vitest";
import { claimSteps } from "../../src/host/database/claim-steps.ts";
import type { Database } from "../../src/host/database/connection.ts";
import type { ClaimedStep } from "../../src/host/database/steps.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { testDatabase, testServerNames } from "../support/database.ts";
import {
  MAX_DEPENDENCY_BYTES,
  brokenInvariants,
  DIAMOND,
  failure,
  NAMESPACE,
  newTask,
  register,
  report,
  session,
  success,
} from "./support/workflow.ts";

const WIDE = {
  a: {},
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`m${index}`, { after: ["a"] }])),
  z: { after: Array.from({ length: 8 }, (_, index) => `m${index}`) },
};

/** A host: claims a few steps at a time and reports them one by one in any order, until all tasks are at their end. */
async function work(database: Database, open: () => Promise<boolean>): Promise<void> {
  const host = await session(database);
  const held: ClaimedStep[] = [];
  for (;;) {
    const { steps } = await claimSteps(database, {
      session: host,
      namespace: NAMESPACE,
      quantity: 1 + Math.floor(Math.random() * 12),
      nativeCallables: [],
      maxDependencyBytes: MAX_DEPENDENCY_BYTES,
      mode: "embedded",
    });
    held.push(...steps);
    if (held.length === 0) {
      if (!(await open())) return;
      continue;
    }
    held.sort(() => Math.random() - 0.5);
    const batch = held.splice(0, 1 + Math.floor(Math.random() * held.length));
    await report(
      database,
      host,
      batch.map((step) => success(step)),
    );
  }
}

describe.each(testServerNames())("joins on %s", (server) => {
  it("are never lost, whoever completes their parents at the same time", async () => {
    await using test = await testDatabase({ server });
    const database = test.open({ maxConnections: 8 });
    await register(database, "diamond", DIAMOND);
    await register(database, "wide", WIDE);
    const tasks = Array.from({ length: 300 }, (_, index) => newTask(index % 5 === 0 ? "wide" : "diamond"));
    for (let index = 0; index < tasks.length; index += 100)
      await createTasks(database, tasks.slice(index, index + 100));
    const open = async (): Promise<boolean> =>
      (await database.query("test_open", "select from tasker.tasks where not complete limit 1")).length > 0;
    await Promise.all(Array.from({ length: 6 }, () => work(database, open)));

    const states = await database.query(
      "test_states",
      "select to_state as state, count(*)::int as n from tasker.task_transitions where most_recent group by 1",
    );
    expect(states).toEqual([{ state: "complete", n: 300 }]);
    const enqueued = await database.query(
      "test_enqueued",
      `select max(n)::int as most, sum(n)::int as total from (
         select count(*) as n from tasker.workflow_step_transitions where to_state = 'enqueued' group by workflow_step_uuid) each`,
    );
    expect(enqueued).toEqual([{ most: 1, total: 240 * 4 + 60 * 10 }]);
    expect(await brokenInvariants(database)).toEqual([]);
  });

  it("block the task once where their parents fail at the same time", async () => {
    await using test = await testDatabase({ server });
    const database = test.open({ maxConnections: 4 });
    await register(database, "diamond", DIAMOND);
    const host = await session(database);
    await createTasks(
      database,
      Array.from({ length: 40 }, () => newTask("diamond")),
    );
    const take = async (): Promise<readonly ClaimedStep[]> =>
      (
        await claimSteps(database, {
          session: host,
          namespace: NAMESPACE,
          quantity: 100,
          nativeCallables: [],
          maxDependencyBytes: MAX_DEPENDENCY_BYTES,
          mode: "embedded",
        })
      ).steps;
    await report(
      database,
      host,
      (await take()).map((step) => success(step)),
    );
    const parents = await take();
    expect(parents).toHaveLength(80);
    const left = parents.filter(({ stepName }) => stepName === "b");
    const right = parents.filter(({ stepName }) => stepName === "c").toReversed();
    await Promise.all([
      report(
        database,
        host,
        left.map((step) => failure(step, { retryable: false })),
      ),
      report(
        database,
        host,
        right.map((step) => failure(step, { retryable: false })),
      ),
    ]);
    const states = await database.query(
      "test_states",
      "select to_state as state, count(*)::int as n from tasker.task_transitions where most_recent group by 1",
    );
    expect(states).toEqual([{ state: "blocked_by_failures", n: 40 }]);
    expect(await brokenInvariants(database)).toEqual([]);
  });
});

describe("the lock order", () => {
  it("keeps reports that meet the same tasks in opposite order from deadlocks", async () => {
    await using test = await testDatabase();
    const calls: string[] = [];
    const database = test.open({ maxConnections: 6, onRoundTrip: (name) => calls.push(name) });
    await register(database, "wide", WIDE);
    const host = await session(database);
    const take = async (): Promise<readonly ClaimedStep[]> =>
      (
        await claimSteps(database, {
          session: host,
          namespace: NAMESPACE,
          quantity: 1_000,
          nativeCallables: [],
          maxDependencyBytes: MAX_DEPENDENCY_BYTES,
          mode: "embedded",
        })
      ).steps;
    await createTasks(
      database,
      Array.from({ length: 60 }, () => newTask("wide")),
    );
    await report(
      database,
      host,
      (await take()).map((step) => success(step)),
    );
    const steps = await take();
    // Eight batches, each with a step of every task, running through the tasks in one direction or the other.
    const batches = Array.from({ length: 8 }, (_, index) => {
      const batch = steps.filter(({ stepName }) => stepName === `m${index}`);
      return index % 2 === 0 ? batch : batch.toReversed();
    });
    calls.length = 0;
    await Promise.all(
      batches.map((batch) =>
        report(
          database,
          host,
          batch.map((step) => success(step)),
        ),
      ),
    );
    // A statement that loses a deadlock is sent again.
    expect(calls).toEqual(Array(8).fill("report_steps_embedded"));
    expect(await take()).toHaveLength(60);
  });
});
