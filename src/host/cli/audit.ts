import { type Command, InvalidArgumentError } from "commander";
import type { AuditAnswer } from "./api-answers.ts";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import { type Paint, paintFor } from "./paint.ts";
import { actorText } from "./actor-text.ts";
import { printable } from "./printable.ts";

interface AuditOptions extends ApiCommandOptions {
  readonly namespace?: string;
  readonly action?: string;
  readonly actor?: string;
  readonly limit: number;
}

/** As many as one answer of the API holds. */
const MOST_A_PAGE = 500;

/** `tasker-host audit`: who changed what, as the API of a running host tells it. */
export function addAuditCommand(program: Command, context: CliContext): void {
  program
    .command("audit")
    .description("show who changed what, newest first")
    .option("--namespace <namespace>", "changes in this namespace")
    .option("--action <action>", "changes of this kind, for example handler.promoted or token.created")
    .option("--actor <name>", "changes by this token (name or handle), JWT subject or user")
    .option("--limit <n>", "how many", parseLimit, 50)
    .option(...JSON_OPTION)
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .action((options: AuditOptions) => audit(options, context));
}

async function audit(options: AuditOptions, context: CliContext): Promise<void> {
  const { stdout, stderr, env } = context;
  const api = apiClientFor(options, context);
  const paint = paintFor(stdout, env);
  const query = new URLSearchParams();
  for (const name of ["namespace", "action", "actor"] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  let shown = 0;
  for (let left = options.limit; left > 0;) {
    query.set("limit", String(Math.min(left, MOST_A_PAGE)));
    const { entries, next_before: nextBefore } = await api.audit(query);
    for (const entry of entries) stdout.write(`${options.json ? JSON.stringify(entry) : lineOf(entry, paint)}\n`);
    left -= entries.length;
    shown += entries.length;
    if (nextBefore === null) break;
    query.set("before", String(nextBefore));
  }
  if (shown === 0 && options.json !== true) stderr.write("No changes match\n");
}

function lineOf(entry: AuditAnswer["entries"][number], paint: Paint): string {
  const { origin } = entry.actor;
  const subject = Object.entries(entry.subject).map(([key, value]) => `${key}=${wordOf(value)}`);
  const where = entry.namespace === null ? "" : `${entry.namespace}  `;
  const head = `${entry.recorded_at.slice(0, 19)}Z  ${paint("bold", entry.action)}  ${where}${subject.join(" ")}`;
  return `${printable(head)}\n    ${paint("dim", printable(`by ${actorText(entry.actor)} from ${origin}`))}`;
}

function wordOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) {
    throw new InvalidArgumentError("Accepted: a whole number from 1 to 100000.");
  }
  return limit;
}
