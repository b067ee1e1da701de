import { systemClock } from "../../src/core/clock.ts";
import { createLogger, type LogLevel } from "../../src/core/logger.ts";
import { type Host, startHost } from "../../src/host/bootstrap/start-host.ts";
import { loadConfig } from "../../src/host/config/load-config.ts";
import type { DatabasePatience } from "../../src/host/database/connection.ts";
import type { EventSubscriber } from "../../src/host/events/event-subscriber.ts";
import { PATIENT, type TestDatabase, testDatabase } from "./database.ts";

export const HANDLERS_DIR = `${import.meta.dirname}/../../handlers`;

export interface TestHostOptions {
  readonly database: TestDatabase;
  readonly handlersDir?: string;
  /** Configuration over `config/environments/test`: `{ "sandbox.isolation": "inline" }`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly subscribe?: (subscriber: EventSubscriber) => void;
  readonly onRoundTrip?: (name: string) => void;
  readonly logLevel?: LogLevel;
  /** Default: `PATIENT`. */
  readonly patience?: DatabasePatience;
}

/** A whole host in this process, on a database of its own, with any free port. */
export function startTestHost(options: TestHostOptions): Promise<Host> {
  const settings: Record<string, string | number | boolean> = {
    "web.bind_address": "127.0.0.1:0",
    "database.url": options.database.url,
    ...options.settings,
  };
  const flags = Object.entries(settings).map(([key, value]) => ({ flag: "test", key, value: String(value) }));
  return startHost({
    loaded: loadConfig({ env: { TASKER_ENV: "test" }, flags }),
    handlersDir: options.handlersDir,
    clock: systemClock,
    logger: createLogger({ level: options.logLevel ?? "silent" }),
    onProgress: () => undefined,
    patience: options.patience ?? PATIENT,
    ...(options.subscribe === undefined ? {} : { subscribe: options.subscribe }),
    ...(options.onRoundTrip === undefined ? {} : { onRoundTrip: options.onRoundTrip }),
  });
}

/** A step of an ended task, as the API shows it. `results` is parsed: use `resultText` where spelling matters. */
export interface EndedStep {
  readonly name: string;
  readonly current_state: string;
  readonly attempts: number;
  readonly results: {
    readonly success: boolean;
    readonly result: Record<string, unknown>;
    readonly metadata: {
      readonly error_code: string | null;
      readonly error_type: string | null;
      readonly retryable: boolean;
      readonly custom: Record<string, unknown>;
    };
    readonly error: {
      readonly message: string;
      readonly backtrace: readonly string[] | null;
      readonly context: unknown;
    } | null;
  } | null;
}

export interface EndedTask {
  readonly taskUuid: string;
  readonly status: string;
  /** The API's answer as text. */
  readonly stepsText: string;
  readonly steps: ReadonlyMap<string, EndedStep>;
}

const ENDED = ["complete", "error", "cancelled", "blocked_by_failures", "resolved_manually"];

/** Submits over HTTP; `contextJson` is spliced in as it is. */
export async function submit(host: Host, task: string, contextJson: string): Promise<string> {
  const response = await postTask(host, task, contextJson);
  const body = (await response.json()) as { task_uuid?: string };
  if (response.status !== 201 || body.task_uuid === undefined) {
    throw new Error(`submit: ${response.status} ${JSON.stringify(body)}`);
  }
  return body.task_uuid;
}

export function postTask(host: Host, task: string, contextJson: string): Promise<Response> {
  const [namespace, name] = task.split("/");
  const members = JSON.stringify({ namespace, name, initiator: "test", source_system: "test", reason: "test" });
  return fetch(`${host.url}/v1/tasks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `${members.slice(0, -1)},"context":${contextJson}}`,
  });
}

/** Waits for the task's last transition by notification, then reads it over HTTP. */
export async function ended(host: Host, database: TestDatabase, taskUuid: string): Promise<EndedTask> {
  const status = await database.taskState(taskUuid, ENDED, 120_000);
  const response = await fetch(`${host.url}/v1/tasks/${taskUuid}/workflow_steps`);
  const stepsText = await response.text();
  const steps = JSON.parse(stepsText) as EndedStep[];
  return { taskUuid, status, stepsText, steps: new Map(steps.map((step) => [step.name, step])) };
}

/** Submits a task and waits for its end. */
export async function run(host: Host, database: TestDatabase, task: string, contextJson: string): Promise<EndedTask> {
  return ended(host, database, await submit(host, task, contextJson));
}

export { testDatabase };
