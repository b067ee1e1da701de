import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildHandler, discoverHandlers, isUpToDate } from "@tasker-host/toolchain";
import type { NewTask } from "../../src/host/database/tasks.ts";

const ROOT = join(import.meta.dirname, "../..");
const NAMESPACES = ["math", "commerce"] as const;

/** One kind of task: what it is made of, what it is given, and what must come of it. */
export interface TaskKind {
  readonly namespace: (typeof NAMESPACES)[number];
  readonly template: string;
  /** Steps of one task. */
  readonly steps: number;
  /** Of a hundred tasks. */
  readonly share: number;
  readonly context: (n: number) => Readonly<Record<string, unknown>>;
  /** The end of a task of this kind, and the last step with its result, computed in SQL from the context `c`. */
  readonly end: "complete" | "blocked_by_failures";
  readonly last?: { readonly step: string; readonly value: string; readonly expected: string };
  /** A host that is killed with one of its steps may end it in `blocked_by_failures` too. */
  readonly fragile?: true;
}

const N = "(c ->> 'even_number')::numeric";
const result = (expected: string, step: string): NonNullable<TaskKind["last"]> => ({
  step,
  value: "(r -> 'result' ->> 'result')::numeric",
  expected,
});
const shipped: NonNullable<TaskKind["last"]> = {
  step: "ship_order",
  value: "r -> 'result' ->> 'tracking_number'",
  expected: "'track-' || (c ->> 'order_id')",
};
const numbers = (n: number): Readonly<Record<string, unknown>> => ({ even_number: 2 * (n % 1_000) });
const order =
  (simulate: string) =>
  (n: number): Readonly<Record<string, unknown>> => ({
    order_id: `C-${n}`,
    customer: {
      email: "ada@example.com",
      address: { street: "12 Analytical Row", city: "London", postal_code: "N1 9GU" },
    },
    items: [{ sku: "KEYBOARD", quantity: 1 + (n % 3), unit_price_cents: 4_900 }],
    payment: { method: "card", simulate },
  });

/** What hosts are given to do: chains, joins, wide joins, retries and failures, on AssemblyScript and QuickJS. */
export const TASK_KINDS: readonly TaskKind[] = [
  {
    namespace: "math",
    template: "chaos_linear",
    steps: 4,
    share: 30,
    context: numbers,
    end: "complete",
    last: result(`(${N} * ${N} + 10) * 3 / 2`, "linear_step_4"),
  },
  {
    namespace: "math",
    template: "chaos_linear_ts",
    steps: 4,
    share: 10,
    context: numbers,
    end: "complete",
    last: result(`(${N} * ${N} + 10) * 3 / 2`, "linear_step_4"),
  },
  {
    namespace: "math",
    template: "chaos_diamond",
    steps: 4,
    share: 25,
    context: numbers,
    end: "complete",
    last: result(`(${N} * ${N} + 25 + ${N} * ${N} * 2) / 2`, "diamond_end"),
  },
  {
    namespace: "math",
    template: "chaos_fan_out",
    steps: 10,
    share: 20,
    context: numbers,
    end: "complete",
    last: result(`(${N} * ${N} + 10) * 3`, "linear_step_3"),
  },
  {
    namespace: "commerce",
    template: "chaos_order",
    steps: 4,
    share: 7,
    context: order("timeout_once"),
    end: "complete",
    last: shipped,
  },
  {
    namespace: "commerce",
    template: "chaos_order",
    steps: 4,
    share: 4,
    context: order("declined"),
    end: "blocked_by_failures",
  },
  {
    namespace: "commerce",
    template: "chaos_fragile_order",
    steps: 4,
    share: 4,
    context: order("ok"),
    end: "complete",
    last: shipped,
    fragile: true,
  },
];

/** The nth task of a run: of which kind, by a number below 100 that the caller drew. `source_system` tells the kinds apart. */
export function taskOf(run: string, n: number, draw: number): { readonly task: NewTask; readonly steps: number } {
  const index = kindIndexOf(draw);
  const kind = TASK_KINDS[index];
  if (kind === undefined) throw new Error(`no kind of task for ${draw}`);
  return {
    steps: kind.steps,
    task: {
      namespace: kind.namespace,
      name: kind.template,
      version: undefined,
      context: JSON.stringify(kind.context(n)),
      initiator: run,
      sourceSystem: String(index),
      reason: "chaos",
      tags: [],
      priority: 0,
      correlationId: undefined,
      parentCorrelationId: undefined,
      idempotencyKey: `${run}-${n}`,
    },
  };
}

function kindIndexOf(draw: number): number {
  let below = 0;
  return TASK_KINDS.findIndex(({ share }) => {
    below += share;
    return draw < below;
  });
}

/** Lays the handlers and templates of the workload into `folder`, built where they are out of date. */
export async function layHandlers(folder: string): Promise<void> {
  for (const namespace of NAMESPACES) {
    const source = join(ROOT, "handlers", namespace);
    for (const handler of discoverHandlers(source)) if (!(await isUpToDate(handler))) await buildHandler(handler);
    const target = join(folder, namespace);
    mkdirSync(target, { recursive: true });
    cpSync(source, target, {
      recursive: true,
      filter: (path) => !/\/(samples|src)(\/|$)/.test(path.slice(source.length)),
    });
    cpSync(join(import.meta.dirname, "templates", namespace), join(target, "templates"), { recursive: true });
  }
}
