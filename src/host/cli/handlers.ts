import { type Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import {
  DeactivatedAnswer,
  HandlerAnswer,
  HandlerListAnswer,
  PromotedAnswer,
  RanStepsAnswer,
  VersionAnswer,
} from "./handler-answers.ts";
import { type HandlerArgument, handlerPath, parseHandler, parseNamespace, parseVersion } from "./handler-argument.ts";
import { handlerLines, listLines, stepLines, versionLines } from "./handler-lines.ts";
import { paintFor } from "./paint.ts";

const HANDLER = ["<namespace/name>", "the handler, for example payments/charge", parseHandler] as const;
const VERSION = ["<version>", "for example 1.4.0", parseVersion] as const;

/** `tasker-host handlers …`: what runs, and what shall run. */
export function addHandlersCommand(program: Command, context: CliContext): void {
  const handlers = program
    .command("handlers")
    .description("look at handlers and their versions, and say which one runs");
  const command = (name: string, description: string): Command =>
    handlers
      .command(name)
      .description(description)
      .option(...JSON_OPTION)
      .option(...URL_OPTION)
      .option(...TOKEN_OPTION);

  command("list", "what is active")
    .option("--namespace <namespace>", "of this namespace only", parseNamespace)
    .action((options: ApiCommandOptions & { readonly namespace?: string }) => list(options, context));
  command("show", "a handler with its versions, or all about one version")
    .argument(...HANDLER)
    .argument("[version]", "for example 1.4.0", parseVersion)
    .action((handler: HandlerArgument, version: string | undefined, options: ApiCommandOptions) =>
      show(handler, version, options, context),
    );
  command("steps", "which steps a version ran, newest first; also one that was deleted")
    .argument(...HANDLER)
    .argument(...VERSION)
    .option("--limit <n>", "at most this many, up to 500 (default: 50)", parseLimit)
    .option("--before <cursor>", "go on where the page before ended")
    .action((handler: HandlerArgument, version: string, options: StepsOptions) =>
      steps(handler, version, options, context),
    );
  command("promote", "make a version the active one, on all hosts")
    .argument(...HANDLER)
    .argument(...VERSION)
    .action((handler: HandlerArgument, version: string, options: ApiCommandOptions) =>
      promote(handler, version, options, context),
    );
  command("rollback", "undo the last promotion or deactivation; again: the one before")
    .argument(...HANDLER)
    .action((handler: HandlerArgument, options: ApiCommandOptions) => rollBack(handler, options, context));
  command("deactivate", "leave a handler without an active version: nobody runs its callables")
    .argument(...HANDLER)
    .action((handler: HandlerArgument, options: ApiCommandOptions) => deactivate(handler, options, context));
  command("approve", "let a version become active although it imports more than what ran before")
    .argument(...HANDLER)
    .argument(...VERSION)
    .action((handler: HandlerArgument, version: string, options: ApiCommandOptions) =>
      change(`${versionPath(handler, version)}/approve`, "approved", handler, version, options, context),
    );
  command("deprecate", "keep a version from becoming active")
    .argument(...HANDLER)
    .argument(...VERSION)
    .option("--undo", "let it become active again")
    .action((handler: HandlerArgument, version: string, options: ApiCommandOptions & { readonly undo?: true }) => {
      const path = `${versionPath(handler, version)}/deprecate?undo=${options.undo === true}`;
      const did = options.undo === true ? "no longer deprecated" : "deprecated";
      return change(path, did, handler, version, options, context);
    });
  command("delete", "delete a version that no step can need any more")
    .argument(...HANDLER)
    .argument(...VERSION)
    .action((handler: HandlerArgument, version: string, options: ApiCommandOptions) =>
      change(versionPath(handler, version), "deleted", handler, version, options, context, "DELETE"),
    );
}

async function list(options: ApiCommandOptions & { readonly namespace?: string }, context: CliContext): Promise<void> {
  const path = options.namespace === undefined ? "/v1/handlers" : `/v1/namespaces/${options.namespace}/handlers`;
  const answer = await apiClientFor(options, context).ask(path, HandlerListAnswer);
  const paint = paintFor(context.stdout, context.env);
  // One object a line.
  const lines = options.json ? answer.handlers.map((each) => JSON.stringify(each)) : listLines(answer, paint);
  for (const line of lines) context.stdout.write(`${line}\n`);
}

async function show(
  handler: HandlerArgument,
  version: string | undefined,
  options: ApiCommandOptions,
  context: CliContext,
): Promise<void> {
  const api = apiClientFor(options, context);
  const paint = paintFor(context.stdout, context.env);
  if (version === undefined) {
    const answer = await api.ask(handlerPath(handler), HandlerAnswer);
    print(answer, handlerLines(answer, paint), options, context);
  } else {
    const answer = await api.ask(versionPath(handler, version), VersionAnswer);
    print(answer, versionLines(answer, paint), options, context);
  }
}

interface StepsOptions extends ApiCommandOptions {
  readonly limit?: number;
  readonly before?: string;
}

async function steps(
  handler: HandlerArgument,
  version: string,
  options: StepsOptions,
  context: CliContext,
): Promise<void> {
  const query = new URLSearchParams({ limit: String(options.limit ?? 50) });
  if (options.before !== undefined) query.set("before", options.before);
  const path = `${versionPath(handler, version)}/steps?${query.toString()}`;
  const answer = await apiClientFor(options, context).ask(path, RanStepsAnswer);
  print(answer, stepLines(answer), options, context);
}

async function promote(
  handler: HandlerArgument,
  version: string,
  options: ApiCommandOptions,
  context: CliContext,
): Promise<void> {
  const path = `${versionPath(handler, version)}/promote`;
  const answer = await apiClientFor(options, context).ask(path, PromotedAnswer, { method: "POST" });
  print(answer, [promotedLine(handler, answer, "promoted")], options, context);
}

async function rollBack(handler: HandlerArgument, options: ApiCommandOptions, context: CliContext): Promise<void> {
  // An answer that got lost is not asked for again: that would undo one promotion more.
  const sent = { method: "POST", once: true } as const;
  const answer = await apiClientFor(options, context).ask(`${handlerPath(handler)}/rollback`, PromotedAnswer, sent);
  print(answer, [promotedLine(handler, answer, "active again")], options, context);
}

async function deactivate(handler: HandlerArgument, options: ApiCommandOptions, context: CliContext): Promise<void> {
  // An answer that got lost is not asked for again: the second one would say that nothing was active.
  const sent = { method: "POST", once: true } as const;
  const answer = await apiClientFor(options, context).ask(
    `${handlerPath(handler)}/deactivate`,
    DeactivatedAnswer,
    sent,
  );
  const { namespace, name } = handler;
  print(answer, [`${namespace}/${name} ${answer.version} deactivated, nothing is active`], options, context);
}

async function change(
  path: string,
  did: string,
  { namespace, name }: HandlerArgument,
  version: string,
  options: ApiCommandOptions,
  context: CliContext,
  method: "POST" | "DELETE" = "POST",
): Promise<void> {
  await apiClientFor(options, context).ask(path, z.null(), { method });
  print({ namespace, name, version, done: did }, [`${namespace}/${name} ${version} ${did}`], options, context);
}

function print(answer: unknown, lines: readonly string[], { json }: ApiCommandOptions, { stdout }: CliContext): void {
  for (const line of json ? [JSON.stringify(answer)] : lines) stdout.write(`${line}\n`);
}

function promotedLine({ namespace, name }: HandlerArgument, answer: PromotedAnswer, did: string): string {
  const { version, changed, replaced } = answer;
  if (!changed) return `${namespace}/${name} ${version} is active already`;
  return `${namespace}/${name} ${version} ${did}${replaced === null ? "" : `, replaces ${replaced.version}`}`;
}

function versionPath(handler: HandlerArgument, version: string): string {
  return `${handlerPath(handler)}/versions/${version}`;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw new InvalidArgumentError("Accepted: 1 to 500.");
  return limit;
}
