/**
 * `npm run chaos -- --seed 1 --steps 20000 --hosts 3 --seconds 60 [--kills 40 --terms 20 --freezes 4 --storms 10 --restarts 4
 * --networks 10 --sandboxes 10 --outages 1] [--lease 5] [--drain 120] [--keep] [--no-bars]`: real hosts as processes on a real
 * Postgres, a seeded schedule of faults, then a drain, and a look for whatever was lost, and for what took too long (the bars,
 * which `--no-bars` only shows). The last line is one JSON object; exit code 1 where anything broke.
 */
import { parseOptions } from "./chaos/options.ts";
import { runChaos } from "./chaos/run-chaos.ts";

const startedMs = performance.now();
const interrupted = new AbortController();
// Hosts and Postgres are processes of their own: they would live on.
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
const report = await runChaos(
  parseOptions(process.argv.slice(2)),
  (line) => {
    process.stderr.write(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}\n`);
  },
  interrupted.signal,
);
for (const sentence of report.broken) process.stderr.write(`BROKEN  ${sentence}\n`);
process.stdout.write(
  `${JSON.stringify({ ...report, seconds: Math.round((performance.now() - startedMs) / 1_000) })}\n`,
);
process.exitCode = report.broken.length === 0 ? 0 : 1;
