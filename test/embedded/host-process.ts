/**
 * A host that only holds an embedded Postgres, for tests that kill it or run it as somebody else.
 * Arguments: data directory, cache directory. Prints one JSON object a line; ends when its standard input does.
 */
import { silentLogger } from "../../src/core/logger.ts";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { startEmbeddedPostgres } from "../../src/host/database/embedded/start-embedded-postgres.ts";

const [dataDir = "", cacheDir = ""] = process.argv.slice(2);

function say(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

try {
  const server = await startEmbeddedPostgres({
    dataDir,
    cacheDir,
    logger: silentLogger,
    onProgress: (progress) => say({ progress }),
  });
  say({ ready: { pid: server.pid, adopted: server.adopted, connection: server.connection } });
  process.stdin.resume();
  await new Promise((resolve) => {
    process.stdin.once("end", resolve);
  });
  await server.stop();
} catch (error) {
  say({ error: isTaskerError(error) ? { code: error.code, message: error.message } : { message: String(error) } });
  process.exitCode = 1;
}
