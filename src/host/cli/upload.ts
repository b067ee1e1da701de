import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import type { ApiClient } from "./api-client.ts";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import { formatBytes, shortDigest } from "./format.ts";
import { StoredVersion, UploadedAnswer, VersionAnswer } from "./handler-answers.ts";
import {
  type HandlerArgument,
  handlerPath,
  parseHandlerName,
  parseNamespace,
  parseVersion,
} from "./handler-argument.ts";
import { ProgressLine } from "./progress-line.ts";

interface UploadOptions extends ApiCommandOptions {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly promote?: true;
  readonly sourceMap?: string;
}

/** The host may have others to prepare before ours. */
const PATIENCE_MS = 600_000;

/** `tasker-host upload FILE`: a version of a handler, to a host. */
export function addUploadCommand(program: Command, context: CliContext): void {
  program
    .command("upload")
    .description("upload a component as a version of a handler; it never changes afterwards")
    .argument("<file>", "the component, for example build/charge.wasm")
    .requiredOption("--namespace <namespace>", "whose steps it shall run", parseNamespace)
    .requiredOption("--name <name>", "the handler's name, as in handler.toml", parseHandlerName)
    .requiredOption("--version <version>", "the version, as in handler.toml", parseVersion)
    .option("--promote", "make it the active version")
    .option("--source-map <file>", "for backtraces (default: FILE.map where there is one)")
    .option(...JSON_OPTION)
    .option(...URL_OPTION)
    .option(...TOKEN_OPTION)
    .action((file: string, options: UploadOptions) => upload(file, options, context));
}

async function upload(file: string, options: UploadOptions, context: CliContext): Promise<void> {
  const { namespace, name, version, promote = false } = options;
  const component = await readGiven(file);
  const map = await sourceMapOf(file, options.sourceMap);
  const query = new URLSearchParams({ version, promote: String(promote), source_map_bytes: String(map.length) });
  const path = `${handlerPath({ namespace, name })}/versions?${query.toString()}`;
  const api = apiClientFor(options, context);
  const progress = new ProgressLine(context.stderr);
  // On a terminal only: in a script's log an upload that went well has nothing to say but its result.
  if (context.stderr.isTTY === true) {
    progress.show(`Uploading ${basename(file)}, ${formatBytes(component.length)}: sending, checking, preparing…`);
  }
  const sent = {
    method: "POST",
    body: Buffer.concat([component, map]),
    contentType: "application/wasm",
    patienceMs: PATIENCE_MS,
  } as const;
  const asked = api.ask(path, UploadedAnswer, sent).finally(() => progress.clear());
  const answer = await asked.catch((error: unknown) => {
    const stored = storedAllTheSame(error);
    if (stored !== undefined) {
      context.stdout.write(`${options.json ? JSON.stringify(stored) : uploadedLine(stored)}\n`);
    }
    throw error;
  });
  if (options.json) {
    context.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  const active = promote || (!answer.created && (await isActive(api, { namespace, name }, version)));
  for (const line of uploadLines(answer, active)) context.stdout.write(`${line}\n`);
}

/** False also where the token may not read handlers: what is said then is right, and only more than needed. */
async function isActive(api: ApiClient, handler: HandlerArgument, version: string): Promise<boolean> {
  return api.ask(`${handlerPath(handler)}/versions/${version}`, VersionAnswer).then(
    ({ active }) => active,
    () => false,
  );
}

/** What was stored although its promotion was refused; undefined where nothing was. */
function storedAllTheSame(error: unknown): UploadedAnswer | undefined {
  const stored = isTaskerError(error) ? StoredVersion.safeParse(error.details["stored"]) : undefined;
  return stored?.success === true ? { ...stored.data, promoted: false, replaced: null } : undefined;
}

function uploadedLine({ namespace, name, version, digest, size_bytes: size, created }: UploadedAnswer): string {
  const did = created ? "uploaded" : "already there";
  return `${namespace}/${name} ${version}  ${shortDigest(digest)}  ${formatBytes(size)}  ${did}`;
}

function uploadLines(answer: UploadedAnswer, active: boolean): readonly string[] {
  const { namespace, name, version, promoted, replaced } = answer;
  return [
    uploadedLine(answer),
    ...(promoted ? [replaced === null ? "promoted" : `promoted, replaces ${replaced.version}`] : []),
    ...(active && !promoted ? ["active already"] : []),
    ...(active ? [] : [`→ tasker-host handlers promote ${namespace}/${name} ${version}`]),
  ];
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "a folder",
  EACCES: "it may not be read",
};

async function sourceMapOf(file: string, given: string | undefined): Promise<Uint8Array> {
  if (given !== undefined) return readGiven(given);
  return readFile(`${file}.map`).catch(() => new Uint8Array());
}

async function readGiven(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new TaskerError("TSK_REQUEST_FILE_UNREADABLE", {
      attempted: `Cannot read ${JSON.stringify(file)}`,
      found: REASONS[reason] ?? reason,
      accepted: "a file that this user may read",
      details: { path: resolve(file) },
      cause,
    });
  });
}
