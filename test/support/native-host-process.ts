/**
 * A host as a process of its own, like `tasker-host run`, with native handlers that no component could have: one that sleeps
 * beside others, and one that kills its host. Arguments: the handlers' folder, then configuration as `key=value`.
 */
import { createLogger } from "../../src/core/logger.ts";
import { startHost } from "../../src/host/bootstrap/start-host.ts";
import { processContext } from "../../src/host/cli/main.ts";
import { untilInterrupted } from "../../src/host/cli/run.ts";

const SLEEP_MS = 60_000;

const [handlersDir, ...settings] = process.argv.slice(2);
const context = processContext();
const flags = settings.map((setting) => {
  const [key = "", value = ""] = setting.split("=", 2);
  return { flag: "test", key, value };
});
const loaded = context.loadConfig(flags);
const host = await startHost({
  loaded,
  handlersDir,
  clock: context.clock,
  interrupted: context.interrupted,
  logger: createLogger({ level: loaded.config.logging.level }),
  onProgress: () => undefined,
  subscribe: (subscriber) => {
    subscriber.subscribe("recovery.sleep", () => new Promise((resolve) => setTimeout(resolve, SLEEP_MS)));
    subscriber.subscribe("recovery.kill_host", () => process.kill(process.pid, "SIGKILL"));
    subscriber.subscribe("recovery.answer", () => ({ ok: true }));
  },
});
context.stdout.write(
  `${JSON.stringify({ url: host.url, database: { description: "" }, templates: [], components: [] })}\n`,
);
await untilInterrupted(context.interrupted);
await host.stop();
// A native handler under way cannot be killed, only left behind.
process.exit();
