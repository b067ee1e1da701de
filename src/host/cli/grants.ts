import { type Command, InvalidArgumentError } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { CAPABILITY_NAMES, capabilityText } from "../domain/capabilities.ts";
import type { GrantChanges, GrantLimit } from "../domain/grants.ts";
import { asJson } from "./api-client.ts";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import { GrantsAnswer } from "./handler-answers.ts";
import { parseNamespace } from "./handler-argument.ts";
import { grantsLines } from "./handler-lines.ts";
import { paintFor } from "./paint.ts";

/** The options of `grants set`, and the limits that they set. */
const LIMIT_OPTIONS = {
  fuel: { limit: "fuel", flags: "--fuel <units>", does: "fuel of one run" },
  memory: { limit: "max_memory_bytes", flags: "--memory <bytes>", does: "memory of one run" },
  deadlineMs: { limit: "deadline_ms", flags: "--deadline-ms <ms>", does: "longest deadline of a step" },
  payload: { limit: "max_payload_bytes", flags: "--payload <bytes>", does: "size of what a handler is given" },
  result: { limit: "max_result_bytes", flags: "--result <bytes>", does: "size of a result" },
  log: { limit: "max_log_bytes", flags: "--log <bytes>", does: "size of all log lines of a run" },
} as const satisfies Record<string, { readonly limit: GrantLimit; readonly flags: string; readonly does: string }>;

type LimitOption = keyof typeof LIMIT_OPTIONS;

interface SetOptions extends ApiCommandOptions, Partial<Record<LimitOption, number | "host">> {
  readonly capabilities?: readonly string[] | "host";
}

/** `tasker-host grants show|set`: what the handlers of a namespace may import and use. */
export function addGrantsCommand(program: Command, context: CliContext): void {
  const grants = program.command("grants").description("what the handlers of a namespace may import and use");
  grants
    .command("show")
    .description("what is in force")
    .argument("<namespace>", "for example payments", parseNamespace)
    .option(...JSON_OPTION)
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .action((namespace: string, options: ApiCommandOptions) => show(namespace, options, context));
  const names = CAPABILITY_NAMES.map((name) => `${name} (${capabilityText(name)})`).join("; ");
  const set = grants
    .command("set")
    .description("change it; what no option names stays as it is")
    .argument("<namespace>", "for example payments", parseNamespace)
    .option("--capabilities <list>", `with commas, "" for none, "host" for the host's default: ${names}`, parseList);
  for (const { flags, does } of Object.values(LIMIT_OPTIONS)) {
    set.option(flags, `${does}; "host": the host's own`, parseLimit);
  }
  set
    .option(...JSON_OPTION)
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .action((namespace: string, options: SetOptions) => change(namespace, options, context));
}

async function show(namespace: string, options: ApiCommandOptions, context: CliContext): Promise<void> {
  print(await apiClientFor(options, context).ask(grantsPath(namespace), GrantsAnswer), options, context);
}

async function change(namespace: string, options: SetOptions, context: CliContext): Promise<void> {
  const changes = changesOf(options);
  if (Object.keys(changes).length === 0) {
    throw new TaskerError("TSK_REQUEST_INVALID", {
      attempted: `Cannot change the grants of namespace "${namespace}"`,
      found: "no option that says what shall change",
      accepted: ["--capabilities", ...Object.values(LIMIT_OPTIONS).map(({ flags }) => flags.split(" ")[0])].join(", "),
    });
  }
  const sent = asJson("PATCH", JSON.stringify(changes));
  print(await apiClientFor(options, context).ask(grantsPath(namespace), GrantsAnswer, sent), options, context);
}

/** What the options name, and nothing else: whoever changes something else at the same time loses nothing. */
function changesOf(options: SetOptions): GrantChanges {
  const limits: Partial<Record<GrantLimit, number | null>> = {};
  for (const option of Object.keys(LIMIT_OPTIONS).filter(isLimitOption)) {
    const value = options[option];
    if (value !== undefined) limits[LIMIT_OPTIONS[option].limit] = value === "host" ? null : value;
  }
  const { capabilities } = options;
  return {
    ...(capabilities !== undefined && { capabilities: capabilities === "host" ? null : capabilities }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

function print(answer: GrantsAnswer, { json }: ApiCommandOptions, { stdout, env }: CliContext): void {
  const lines = json ? [JSON.stringify(answer)] : grantsLines(answer, paintFor(stdout, env));
  for (const line of lines) stdout.write(`${line}\n`);
}

function grantsPath(namespace: string): string {
  return `/v1/namespaces/${namespace}/grants`;
}

function isLimitOption(text: string): text is LimitOption {
  return Object.hasOwn(LIMIT_OPTIONS, text);
}

function parseList(text: string): readonly string[] | "host" {
  if (text === "host") return text;
  return text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
}

function parseLimit(text: string): number | "host" {
  if (text === "host") return text;
  const value = Number(text.replaceAll("_", ""));
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Accepted: a whole number, or "host".');
  return value;
}
