import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { createLogger } from "../../core/logger.ts";
import { type Host, HOST_VERSION, startHost } from "../bootstrap/start-host.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ConfigFlag } from "../config/text-settings.ts";
import type { CliContext, OutputStream } from "./cli-context.ts";
import { formatBytes, formatDuration, shortDigest } from "./format.ts";
import { ProgressLine } from "./progress-line.ts";

interface RunOptions {
  readonly handlers?: string;
  readonly json?: true;
  readonly set: readonly string[];
}

/** `tasker-host run`: the host, until a signal ends it. */
export function addRunCommand(program: Command, context: CliContext): void {
  program
    .command("run")
    .description("run the host: claim steps, run their handlers in the sandbox, orchestrate, serve HTTP")
    .option("--handlers <dir>", "load components and templates from this folder")
    .option("--set <key=value>", "set a configuration key, for example web.bind_address=127.0.0.1:0", collect, [])
    .option("--json", "print one JSON object when the host is ready")
    .action(async (options: RunOptions) => {
      const host = await runHost(options, context);
      await untilInterrupted(context.interrupted);
      context.stderr.write("Stopping: running steps may finish, a second signal ends at once\n");
      await host.stop();
    });
}

/** Starts the host and says what it is made of. */
export async function runHost(options: RunOptions, context: CliContext): Promise<Host> {
  const { clock, stdout, stderr } = context;
  const startedMs = clock.monotonicMs();
  const loaded = context.loadConfig(options.set.map(flagOf));
  const progress = new ProgressLine(stderr);
  const host = await startHost({
    loaded,
    handlersDir: options.handlers === undefined ? undefined : resolve(options.handlers),
    clock,
    interrupted: context.interrupted,
    logger: createLogger({ level: loaded.config.logging.level }),
    onProgress: (message) => progress.show(message),
  }).finally(() => progress.clear());
  const tookMs = clock.monotonicMs() - startedMs;
  if (options.json) stdout.write(`${JSON.stringify(hostJson(host, loaded, tookMs))}\n`);
  else printHost(stdout, host, loaded, tookMs);
  return host;
}

/** What started, what was loaded, where to look. */
function printHost(out: OutputStream, host: Host, loaded: LoadedConfig, tookMs: number): void {
  const { handlers, migrations, view } = host;
  const rows: [string, string][] = [
    ["database", `${host.opened.description}, Postgres ${migrations.serverVersion}`],
    ["schema", schemaText(host)],
    ["orchestration", view.orchestration],
    ["sandbox", sandboxText(host)],
    ...handlers.components.map(({ namespace, artifact, sizeBytes, leftInactive }): [string, string] => [
      "component",
      `${namespace}/${artifact.manifest.name} ${artifact.manifest.version}  ${shortDigest(artifact.digest)}  ` +
        `${formatBytes(sizeBytes)}  ${artifact.manifest.callables.join(", ")}` +
        (leftInactive ? "  (not active: it was rolled back, deactivated or followed by another version)" : ""),
    ]),
    ...handlers.templates.map(({ namespace, name, version, stepCount }): [string, string] => [
      "template",
      `${namespace}/${name} ${version}  ${stepCount} steps`,
    ]),
    ["http", `${host.url}  (/health /status /metrics /v1/tasks /docs)`],
    ["access", accessText(loaded)],
  ];
  out.write(`tasker-host ${HOST_VERSION} (${loaded.environment})\n`);
  for (const [name, text] of rows) out.write(`  ${name.padEnd(14)}${text}\n`);
  for (const { templates } of [handlers]) {
    for (const { warnings } of templates)
      for (const warning of warnings) out.write(`  ${"warning".padEnd(14)}${warning}\n`);
  }
  for (const { path, error } of handlers.problems) {
    out.write(`  ${"NOT LOADED".padEnd(14)}${shortened(path)}\n`);
    out.write(`  ${"".padEnd(14)}${error.code}: ${error.message}\n  ${"".padEnd(14)}→ ${error.remedy}\n`);
  }
  out.write(
    `Ready in ${formatDuration(tookMs)}. Submit a task: tasker-host submit NAMESPACE/TASK --context JSON --follow\n`,
  );
}

function schemaText({ migrations }: Host): string {
  const count = migrations.pending.length;
  const applied = count === 0 ? "up to date" : `${count} files applied`;
  const tasker = migrations.taskerSchema === "ours" ? "" : ", tables of tasker-core";
  return `${applied}${tasker}, queues by ${migrations.queues === "plain" ? "our own pgmq functions" : "the pgmq extension"}`;
}

function accessText({ config: { auth } }: LoadedConfig): string {
  if (auth.mode === "off") return "NO authentication: every user and program of this machine may do everything";
  return auth.jwt.issuer === "" ? "API tokens" : `API tokens, and JWTs of ${auth.jwt.issuer}`;
}

function sandboxText({ view }: Host): string {
  if (view.isolation === "inline") return "inline: NO process isolation, for tests and tools only";
  const missing = view.walls().filter(({ stands }) => !stands);
  if (missing.length === 0) return "one process a namespace, all walls stand";
  return `one process a namespace; missing here: ${missing.map(({ wall, detail }) => `${wall} (${detail})`).join(", ")}`;
}

function hostJson(host: Host, { config }: LoadedConfig, tookMs: number): unknown {
  const { view, handlers } = host;
  return {
    version: HOST_VERSION,
    url: host.url,
    ready_in_ms: Math.round(tookMs),
    database: { description: host.opened.description, ...view.database() },
    orchestration: view.orchestration,
    isolation: view.isolation,
    authentication: config.auth.mode,
    components: view.components(),
    templates: view.templates(),
    problems: handlers.problems.map(({ path, error }) => ({ path, code: error.code, message: error.message })),
  };
}

function shortened(message: string): string {
  return message.startsWith("/") ? relative(process.cwd(), message) : message;
}

function flagOf(setting: string): ConfigFlag {
  const at = setting.indexOf("=");
  const key = at === -1 ? setting : setting.slice(0, at);
  return { flag: "--set", key, value: at === -1 ? "" : setting.slice(at + 1) };
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Resolves when the user wants the command to end. */
export function untilInterrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
