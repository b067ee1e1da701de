import type { ScriptedAnswer, SeenRequest } from "./scripted-api.ts";

export const TASK_UUID = "0199f0e2-0000-7000-8000-00000000000a";

/** A step as the API would show it. */
export function step(
  name: string,
  state: string,
  members: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    step_uuid: `0199f0e2-0000-7000-8000-0000000000${name.length}0`,
    name,
    current_state: state,
    attempts: state === "pending" || state === "enqueued" ? 0 : 1,
    max_attempts: 3,
    results: null,
    depends_on: [],
    ...members,
  };
}

/** A result of a step as text, so that its numbers keep their spelling. */
export function success(resultText: string, ms: number): object {
  return { success: true, result: { $raw: resultText }, metadata: { execution_time_ms: ms } };
}

/** `JSON.stringify`, with the text of each `$raw` spliced in. */
function render(value: unknown): string {
  const raws: string[] = [];
  const text = JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null || !("$raw" in member)) return member;
    raws.push(String(member.$raw));
    return `@@${raws.length - 1}@@`;
  });
  return text.replace(/"@@(\d+)@@"/g, (_, index) => raws[Number(index)] ?? "");
}

export interface Moment {
  readonly status: string;
  readonly steps: readonly object[];
}

/** Answers for a task that is at the next moment each time it is asked for; the last one stays. */
export function taskScript(
  moments: readonly Moment[],
  created: number = 201,
): (request: SeenRequest) => ScriptedAnswer {
  let at = -1;
  const moment = (): Moment =>
    moments[Math.min(Math.max(at, 0), moments.length - 1)] ?? { status: "pending", steps: [] };
  const task = (): object => ({
    task_uuid: TASK_UUID,
    name: "diamond",
    namespace: "flows",
    version: "1.0.0",
    status: moment().status,
    created_at: new Date(0).toISOString(),
    updated_at: new Date(1_500).toISOString(),
    completed_at: moment().status === "complete" ? new Date(1_500).toISOString() : null,
    correlation_id: "0199f0e2-0000-7000-8000-0000000000cc",
    priority: 0,
    context: { $raw: '{"n":12345678901234567890}' },
    total_steps: moment().steps.length,
    completed_steps: 0,
  });
  return ({ method, path }) => {
    if (method === "POST") return { status: created, text: render(task()) };
    if (path.endsWith("/workflow_steps")) return { status: 200, text: render(moment().steps) };
    at += 1;
    return { status: 200, text: render(task()) };
  };
}
