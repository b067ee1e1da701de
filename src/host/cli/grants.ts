import { type Command, InvalidArgumentError } from "commander";
import { CAPABILITY_NAMES, capabilityText } from "../domain/capabilities.ts";
import type { GrantLimit } from "../domain/grants.ts";
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
  readonly capabilities?: readonly string[];
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
    .option("--capabilities <list>", `with commas, "" for none: ${names}`, parseList);
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
  const api = apiClientFor(options, context);
  const before = await api.ask(grantsPath(namespace), GrantsAnswer);
  const limits = new Map(Object.entries(before.own_limits));
  for (const option of Object.keys(LIMIT_OPTIONS).filter(isLimitOption)) {
    const value = options[option];
    const { limit } = LIMIT_OPTIONS[option];
    if (value === "host") limits.delete(limit);
    else if (value !== undefined) limits.set(limit, value);
  }
  const capabilities = options.capabilities ?? before.capabilities;
  const body = JSON.stringify({ capabilities, limits: Object.fromEntries(limits) });
  print(await api.ask(grantsPath(namespace), GrantsAnswer, asJson("PUT", body)), options, context);
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

function parseList(text: string): readonly string[] {
  return text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
}

function parseLimit(text: string): number | "host" {
  if (text === "host") return text;
  const value = Number(text.replaceAll("_", ""));
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Accepted: a whole number, or "host".');
  return value;
}
