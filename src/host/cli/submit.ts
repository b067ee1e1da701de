import type { Command } from "commander";
import { uuidv7 } from "../../core/ids.ts";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import { followTask } from "./follow-task.ts";
import { userName } from "./local-actor.ts";
import { isTerminal, paintFor } from "./paint.ts";
import { taskRequestText } from "./task-request.ts";

interface SubmitOptions extends ApiCommandOptions {
  readonly context?: string;
  readonly version?: string;
  readonly priority?: string;
  readonly correlationId?: string;
  readonly follow?: true;
}

/** `tasker-host submit NAMESPACE/TASK`: a request to the API, and with `--follow` what becomes of it. */
export function addSubmitCommand(program: Command, context: CliContext): void {
  program
    .command("submit")
    .description("submit a task; with --follow, show it until it has ended")
    .argument("<namespace/task>", "the template, for example payments/credit_card_payment")
    .option("--context <json>", "the task's context: JSON, @FILE, or @- for standard input (default: {})")
    .option("--version <version>", "the template's version (default: the newest)")
    .option("--priority <n>", "-100 to 100, higher first (default: 0)")
    .option("--correlation-id <uuid>", "goes through all steps and logs (default: a new one)")
    .option("--follow", "show the steps until the task has ended; exit code 0 if it is complete, else 1")
    .option(...JSON_OPTION)
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .action((task: string, options: SubmitOptions) => submit(task, options, context));
}

async function submit(task: string, options: SubmitOptions, context: CliContext): Promise<void> {
  const { stdout, env, clock } = context;
  const correlationId = options.correlationId ?? uuidv7(clock.now());
  const body = taskRequestText({
    task,
    context: options.context,
    version: options.version,
    priority: options.priority,
    correlationId,
    initiator: userName(),
  });
  const api = apiClientFor(options, context);
  const submitted = await api.submit(body, correlationId);
  const follow = options.follow === true;
  if (options.json) {
    stdout.write(`${JSON.stringify({ event: "submitted", task: submitted })}\n`);
  } else if (!follow || !isTerminal(stdout, env)) {
    const { task_uuid: taskUuid, namespace, name, version } = submitted;
    stdout.write(`${taskUuid}  ${paintFor(stdout, env)("dim", `${namespace}/${name} ${version} submitted`)}\n`);
  }
  if (follow) await followTask(submitted.task_uuid, { api, json: options.json === true }, context);
}
