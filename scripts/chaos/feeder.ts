import { systemClock } from "../../src/core/clock.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { createTasks, type NewTask } from "../../src/host/database/tasks.ts";
import { randomOf } from "../fuzz/mutants.ts";
import type { HostSlot } from "./host-slot.ts";
import { taskOf } from "./workload.ts";

export interface FeedOptions {
  /** Tells this run's tasks from others'; part of their idempotency keys. */
  readonly run: string;
  readonly seed: number;
  readonly steps: number;
  /** Spread over so long. */
  readonly ms: number;
  readonly database: Database;
  readonly slots: readonly HostSlot[];
}

/** What was handed in. */
export interface Fed {
  readonly tasks: number;
  readonly steps: number;
  /** Tasks that a host's API has confirmed: they must be there whatever came after. */
  readonly confirmed: readonly string[];
}

/** Lumps, so that hosts have many steps in hand for a while, and then few. */
const BATCH_MS = 1_000;
const RETRY_MS = 250;
const HTTP_TIMEOUT_MS = 5_000;
/** One task in so many goes through a host's API instead. */
const HTTP_EVERY = 8;

/** Hands in tasks evenly over the time; a batch whose answer is lost is handed in again, under the same keys. */
export class Feeder {
  readonly #options: FeedOptions;
  readonly #random: (below: number) => number;
  readonly #confirmed: string[] = [];
  #tasks = 0;
  #steps = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed);
  }

  get fed(): Fed {
    return { tasks: this.#tasks, steps: this.#steps, confirmed: this.#confirmed };
  }

  async run(): Promise<Fed> {
    const { steps, ms } = this.#options;
    const startedMs = performance.now();
    while (this.#steps < steps) {
      const due = Math.min(steps, (steps * (performance.now() - startedMs + BATCH_MS)) / ms);
      await this.#feed(due);
      await systemClock.wait(BATCH_MS);
    }
    return this.fed;
  }

  async #feed(upTo: number): Promise<void> {
    const batch: NewTask[] = [];
    const overHttp: NewTask[] = [];
    while (this.#steps < upTo) {
      this.#tasks += 1;
      const { task, steps } = taskOf(this.#options.run, this.#tasks, this.#random(100));
      (this.#tasks % HTTP_EVERY === 0 ? overHttp : batch).push(task);
      this.#steps += steps;
    }
    const refused = await this.#post(overHttp);
    await this.#create([...batch, ...refused]);
  }

  /** Through the API of whichever hosts are up; returns what nobody confirmed. */
  async #post(tasks: readonly NewTask[]): Promise<readonly NewTask[]> {
    const answers = await Promise.all(tasks.map((task, index) => this.#postOne(task, index)));
    return tasks.filter((_, index) => answers[index] === false);
  }

  async #postOne(task: NewTask, index: number): Promise<boolean> {
    const urls = this.#options.slots.map(({ url }) => url).filter((url) => url !== undefined);
    const url = urls[index % urls.length];
    if (url === undefined) return false;
    try {
      const response = await fetch(`${url}/v1/tasks`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: requestOf(task),
        signal: AbortSignal.timeout(HTTP_TIMEOUT_MS),
      });
      const body: unknown = await response.json();
      const uuid = typeof body === "object" && body !== null && "task_uuid" in body ? body.task_uuid : undefined;
      if (response.status !== 201 || typeof uuid !== "string") return false;
      this.#confirmed.push(uuid);
      return true;
    } catch {
      // The host died, or its database did: whether the task is there only the database knows.
      return false;
    }
  }

  async #create(tasks: readonly NewTask[]): Promise<void> {
    if (tasks.length === 0) return;
    for (;;) {
      try {
        await createTasks(this.#options.database, tasks);
        return;
      } catch {
        await systemClock.wait(RETRY_MS);
      }
    }
  }
}

function requestOf(task: NewTask): string {
  const members = JSON.stringify({
    namespace: task.namespace,
    name: task.name,
    initiator: task.initiator,
    source_system: task.sourceSystem,
    reason: task.reason,
    idempotency_key: task.idempotencyKey,
  });
  return `${members.slice(0, -1)},"context":${task.context}}`;
}
