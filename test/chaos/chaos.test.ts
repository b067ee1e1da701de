import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFailed } from "vitest";
import { z } from "zod";
import { FAULT_KINDS, scheduleOf } from "../../scripts/chaos/fault.ts";
import { parseOptions } from "../../scripts/chaos/options.ts";
import { percentiles } from "../../scripts/chaos/percentiles.ts";

const ROOT = join(import.meta.dirname, "../..");

const Report = z.object({
  steps: z.number(),
  faults: z.record(z.string(), z.number()),
  lost: z.number(),
  completed_twice: z.number(),
  stuck: z.number(),
  recovery_ms: z.object({ n: z.number() }),
  bars: z.array(z.object({ name: z.string(), found_ms: z.object({ n: z.number() }) })),
  wrong_ends: z.number(),
  leaked_processes: z.number(),
  broken: z.array(z.string()),
});

function lastLineOf(out: string): unknown {
  return JSON.parse(out.trimEnd().split("\n").at(-1) || "null");
}

const FEW = "--kills 2 --terms 1 --freezes 1 --storms 1 --restarts 1 --networks 1 --sandboxes 1 --outages 1";

// How long things take says little on a machine that runs other tests beside: `npm run chaos` holds the bars.
it("two hosts lose nothing while each kind of fault hits them", { timeout: 240_000 }, async () => {
  const args = `--seed 7 --steps 400 --hosts 2 --seconds 8 --lease 3 --drain 120 --no-bars ${FEW}`.split(" ");
  const child = spawn(process.execPath, [join(ROOT, "scripts/chaos.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  onTestFailed(() => void process.stderr.write(said));
  const report = Report.parse(lastLineOf(out));
  expect(report).toMatchObject({
    faults: { kill: 2, term: 1, freeze: 1, storm: 1, restart: 1, network: 1, sandbox: 1, outage: 1 },
    lost: 0,
    completed_twice: 0,
    stuck: 0,
    wrong_ends: 0,
    leaked_processes: 0,
    broken: [],
  });
  expect(report.steps).toBeGreaterThanOrEqual(400);
  const measured = report.bars.filter(({ found_ms: { n } }) => n > 0).map(({ name }) => name);
  expect(measured).toEqual(
    expect.arrayContaining(["claiming again after Postgres is back", "exit of an idle host after SIGTERM"]),
  );
  expect(code).toBe(0);
});

it("scheduleOf() makes the same schedule of a seed, with as many faults of each kind as were asked for", () => {
  const counts = { kill: 40, term: 20, freeze: 4, storm: 10, restart: 4, network: 10, sandbox: 10, outage: 1 };
  const schedule = { seed: 1, seconds: 60, hosts: 3, counts };
  const faults = scheduleOf(schedule);
  expect(scheduleOf(schedule)).toEqual(faults);
  expect(scheduleOf({ ...schedule, seed: 2 })).not.toEqual(faults);
  expect(
    Object.fromEntries(FAULT_KINDS.map((kind) => [kind, faults.filter((fault) => fault.kind === kind).length])),
  ).toEqual(counts);
  expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  expect(faults.at(-1)?.atMs).toBeLessThan(60_000);
});

it("parseOptions() scales faults with the time, takes counts as given, and refuses what is no number", () => {
  expect(parseOptions(["--seconds", "120"]).faults).toMatchObject({ kill: 40, term: 20 });
  expect(parseOptions(["--kills", "0", "--sandboxes", "3"]).faults).toMatchObject({ kill: 0, sandbox: 3 });
  expect(() => parseOptions(["--kills", "many"])).toThrow('--kills is "many", wanted a number');
});

it("percentiles() ranks", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentiles(hundred)).toEqual({ n: 100, p50: 50, p99: 99, max: 100 });
  expect(percentiles([])).toEqual({ n: 0, p50: undefined, p99: undefined, max: undefined });
});
