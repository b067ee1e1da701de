import type { Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { isUuid } from "../../core/ids.ts";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import { taskView, type TaskSnapshot } from "./dag-view.ts";
import { failureLines } from "./failure-lines.ts";
import { followTask } from "./follow-task.ts";
import { isTerminal, paintFor } from "./paint.ts";
import { printable, truncate } from "./printable.ts";
import { readTask } from "./watch-task.ts";

interface TaskShowOptions extends ApiCommandOptions {
  readonly follow?: true;
}

/** Columns where there is no terminal to ask. */
const PIPED_WIDTH = 160;

/** `tasker-host task show UUID`: the task, its steps and what went wrong. */
export function addTaskCommand(program: Command, context: CliContext): void {
  const task = program.command("task").description("look at tasks");
  task
    .command("show")
    .description("show a task with its steps and their results")
    .argument("<uuid>", "the task's UUID")
    .option("--follow", "go on until the task has ended; exit code 0 if it is complete, else 1")
    .option(...JSON_OPTION)
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .action((uuid: string, options: TaskShowOptions) => showTask(uuid, options, context));
}

async function showTask(uuid: string, options: TaskShowOptions, context: CliContext): Promise<void> {
  if (!isUuid(uuid)) {
    const found = JSON.stringify(uuid);
    throw new TaskerError("TSK_REQUEST_UUID_INVALID", { attempted: "Cannot show the task", found, accepted: "a UUID" });
  }
  const api = apiClientFor(options, context);
  if (options.follow) return followTask(uuid, { api, json: options.json === true }, context);
  const snapshot = await readTask(uuid, api);
  if (options.json) context.stdout.write(`${JSON.stringify(snapshot)}\n`);
  else for (const line of taskLines(snapshot, context)) context.stdout.write(`${line}\n`);
}

function taskLines(snapshot: TaskSnapshot, { stdout, env, clock }: CliContext): readonly string[] {
  const paint = paintFor(stdout, env);
  const width = isTerminal(stdout, env) ? (stdout.columns ?? 80) : PIPED_WIDTH;
  const { task } = snapshot;
  const facts = [
    ["submitted", task.created_at],
    ["correlation", task.correlation_id],
    ["priority", String(task.priority ?? 0)],
    ["context", printable(JSON.stringify(task.context))],
  ] as const;
  const [title = "", status = "", ...steps] = taskView(snapshot, {
    width,
    height: Number.POSITIVE_INFINITY,
    nowMs: clock.now(),
    paint,
  });
  return [
    title,
    status,
    ...facts.map(([name, value]) => ` ${paint("dim", name.padEnd(11))}  ${truncate(value, width - 15)}`),
    ...steps,
    "",
    ...failureLines(snapshot, paint),
  ];
}
