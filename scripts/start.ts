/**
 * `npm start`: builds what is out of date in `handlers/`, runs the host on it, submits one task of each workflow, shows
 * their results, and keeps serving. Each start submits tasks of its own: a run id in the context keeps them apart.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { uuidv7 } from "../src/core/ids.ts";
import type { RegisteredTemplate } from "../src/host/registry/task-template-registry.ts";
import { apiClientFor } from "../src/host/cli/api-options.ts";
import type { ApiClient } from "../src/host/cli/api-client.ts";
import type { CliContext } from "../src/host/cli/cli-context.ts";
import { taskView, type TaskSnapshot } from "../src/host/cli/dag-view.ts";
import { failureLines } from "../src/host/cli/failure-lines.ts";
import { formatBytes, formatDuration } from "../src/host/cli/format.ts";
import { processContext, reportFailure } from "../src/host/cli/main.ts";
import { isTerminal, paintFor } from "../src/host/cli/paint.ts";
import { ProgressLine } from "../src/host/cli/progress-line.ts";
import { runHost, untilInterrupted } from "../src/host/cli/run.ts";
import { hasEnded } from "../src/host/cli/task-end.ts";
import { taskRequestText } from "../src/host/cli/task-request.ts";
import { loadToolchain } from "../src/host/cli/toolchain.ts";
import { watchTask } from "../src/host/cli/watch-task.ts";

const ROOT = dirname(import.meta.dirname);
const HANDLERS = join(ROOT, "handlers");

async function main(context: CliContext): Promise<void> {
  await buildOutdated(context);
  await using host = await runHost({ handlers: HANDLERS, set: [] }, context);
  const api = apiClientFor({ url: host.url }, context);
  await showSamples(host.handlers.templates, api, context);
  context.stdout.write(
    `\nServing at ${host.url} until Ctrl-C. Try:\n  npx tasker-host submit math/diamond_workflow --context '{"even_number": 8}' --follow\n`,
  );
  await untilInterrupted(context.interrupted);
  context.stderr.write("Stopping: running steps may finish, a second signal ends at once\n");
}

/** Builds the handlers whose sources changed since their last build. */
async function buildOutdated({ stdout, stderr }: CliContext): Promise<void> {
  const { buildHandler, discoverHandlers, isUpToDate } = await loadToolchain();
  const progress = new ProgressLine(stderr);
  for (const folder of discoverHandlers(HANDLERS)) {
    if (await isUpToDate(folder)) continue;
    progress.show(`Building ${relative(ROOT, folder)}…`);
    const built = await buildHandler(folder);
    progress.clear();
    stdout.write(
      `built ${relative(ROOT, folder)}  ${formatBytes(built.sizeBytes)} (${built.language}, ${formatDuration(built.durationMs)})\n`,
    );
  }
}

/** Submits the sample of each template at once, then shows each task when it has ended. */
async function showSamples(
  templates: readonly RegisteredTemplate[],
  api: ApiClient,
  context: CliContext,
): Promise<void> {
  const tasks: string[] = [];
  for (const { namespace, name } of templates) {
    const sample = join(HANDLERS, namespace, "samples", `${name}.json`);
    if (!existsSync(sample)) continue;
    const correlationId = uuidv7(context.clock.now());
    const request = taskRequestText({
      task: `${namespace}/${name}`,
      context: sampleContext(sample, correlationId),
      version: undefined,
      priority: undefined,
      correlationId,
      initiator: "npm start",
    });
    tasks.push((await api.submit(request, correlationId)).task_uuid);
  }
  for (const taskUuid of tasks) {
    const snapshot = await lastSnapshot(taskUuid, api, context);
    if (snapshot === undefined) return;
    show(snapshot, context);
  }
}

/** The sample with `{"$file": path}` replaced by the file's text (paths from the repository's root) and the run id added. */
function sampleContext(path: string, runId: string): string {
  const sample: unknown = JSON.parse(readFileSync(path, "utf8"), (_key, value: unknown) => {
    const file = typeof value === "object" && value !== null && "$file" in value ? value.$file : undefined;
    return typeof file === "string" ? readFileSync(join(ROOT, file), "utf8") : value;
  });
  return JSON.stringify(Object.assign({ run_id: runId }, sample));
}

async function lastSnapshot(taskUuid: string, api: ApiClient, context: CliContext): Promise<TaskSnapshot | undefined> {
  const { clock, interrupted } = context;
  for await (const snapshot of watchTask(taskUuid, { api, clock, interrupted })) {
    if (snapshot !== undefined && hasEnded(snapshot.task)) return snapshot;
  }
  return undefined;
}

function show(snapshot: TaskSnapshot, { stdout, env, clock }: CliContext): void {
  const paint = paintFor(stdout, env);
  const width = isTerminal(stdout, env) ? (stdout.columns ?? 100) : 120;
  const view = taskView(snapshot, { width, height: Number.POSITIVE_INFINITY, nowMs: clock.now(), paint });
  stdout.write(`\n${[...view, ...failureLines(snapshot, paint)].join("\n")}\n`);
}

const context = processContext();
try {
  await main(context);
} catch (error) {
  reportFailure(error, context);
}
