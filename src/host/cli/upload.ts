import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { type ApiCommandOptions, apiClientFor, JSON_OPTION, TOKEN_OPTION, URL_OPTION } from "./api-options.ts";
import type { CliContext } from "./cli-context.ts";
import { formatBytes, shortDigest } from "./format.ts";
import { UploadedAnswer } from "./handler-answers.ts";
import { handlerPath, parseHandlerName, parseNamespace, parseVersion } from "./handler-argument.ts";

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
  const answer = await apiClientFor(options, context).ask(path, UploadedAnswer, {
    method: "POST",
    body: Buffer.concat([component, map]),
    contentType: "application/wasm",
    patienceMs: PATIENCE_MS,
  });
  if (options.json) context.stdout.write(`${JSON.stringify(answer)}\n`);
  else for (const line of uploadLines(answer, promote)) context.stdout.write(`${line}\n`);
}

function uploadLines(answer: UploadedAnswer, promote: boolean): readonly string[] {
  const { namespace, name, version, digest, size_bytes: size, created, promoted, replaced } = answer;
  const did = created ? "uploaded" : "already there";
  return [
    `${namespace}/${name} ${version}  ${shortDigest(digest)}  ${formatBytes(size)}  ${did}`,
    ...(promoted ? [replaced === null ? "promoted" : `promoted, replaces ${replaced.version}`] : []),
    ...(promote && !promoted ? ["active already"] : []),
    ...(promote ? [] : [`→ tasker-host handlers promote ${namespace}/${name} ${version}`]),
  ];
}

async function sourceMapOf(file: string, given: string | undefined): Promise<Uint8Array> {
  if (given !== undefined) return readGiven(given);
  return readFile(`${file}.map`).catch(() => new Uint8Array());
}

async function readGiven(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new TaskerError("TSK_REQUEST_FILE_UNREADABLE", { attempted: `Cannot read "${file}"`, found, cause });
  });
}
