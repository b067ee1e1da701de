import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildHandler } from "@tasker-host/toolchain";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Database } from "../../src/host/database/connection.ts";
import { createTasks, type NewTask } from "../../src/host/database/tasks.ts";
import type { LabPostgres } from "../chaos/postgres.ts";

const ECHO = join(import.meta.dirname, "../../bench/programs/echo-assemblyscript");
/** Tasks of one statement. */
const BATCH = 100;
const LOOK_MS = 200;

/** Lays a handler that returns its input, and one template of it, into `folder`; returns the folder for `--handlers`. */
export async function layEcho(folder: string, template: string): Promise<string> {
  const handlers = join(folder, "handlers");
  const namespace = join(handlers, "lab");
  await buildHandler(ECHO);
  mkdirSync(join(namespace, "templates"), { recursive: true });
  cpSync(ECHO, join(namespace, "echo"), { recursive: true, filter: (path) => !path.endsWith("/src") });
  writeFileSync(join(namespace, "templates/lab.yaml"), template);
  return handlers;
}

/** `name: lab`, with one step for each line of `steps`: its name, and the steps before it. */
export function templateOf(steps: Readonly<Record<string, readonly string[]>>): string {
  const lines = Object.entries(steps).map(
    ([name, dependencies]) =>
      `  - { name: ${name}, handler: { callable: echo }, dependencies: [${dependencies.join(", ")}] }`,
  );
  return ["name: lab", "namespace_name: lab", "version: 1.0.0", "steps:", ...lines, ""].join("\n");
}

export function openDatabase(postgres: LabPostgres): Database {
  return new Database({
    address: { url: postgres.url },
    maxConnections: 2,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 60_000,
    idleInTransactionTimeoutMs: 60_000,
    clock: systemClock,
    logger: silentLogger,
  });
}

/** Creates so many tasks of the template, numbered from `first`. */
export async function createLabTasks(database: Database, first: number, count: number): Promise<void> {
  for (let at = 0; at < count; at += BATCH) {
    const size = Math.min(BATCH, count - at);
    await createTasks(
      database,
      Array.from({ length: size }, (_, index) => labTask(first + at + index)),
    );
  }
}

function labTask(n: number): NewTask {
  return {
    namespace: "lab",
    name: "lab",
    version: undefined,
    context: `{"n":${n}}`,
    initiator: "lab",
    sourceSystem: "lab",
    reason: "lab",
    tags: [],
    priority: 0,
    correlationId: undefined,
    parentCorrelationId: undefined,
    idempotencyKey: `lab-${n}`,
  };
}

/** Resolves to true when no more than `most` tasks are unfinished, to false where that takes longer than `timeoutMs`. */
export async function untilAtMost(database: Database, most: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while ((await unfinishedTasks(database)) > most) {
    if (performance.now() > deadline) return false;
    await systemClock.wait(LOOK_MS);
  }
  return true;
}

/** A scan of the table: cheap enough for some hundred thousand tasks, a few times a second. */
async function unfinishedTasks(database: Database): Promise<number> {
  const [row] = await database.query<{ readonly n: number }>(
    "lab_unfinished",
    "select count(*)::int as n from tasker.tasks where not complete",
  );
  return row?.n ?? 0;
}
