/**
 * How fast core modules are metered, and how much they grow.
 *
 * `node bench/meter.ts [--only=NAME] [--rounds=9]`
 *
 * Bytes of the modules as they come, by the time of `meterModule`: V8 validates before and behind, and its part is shown apart.
 * By the clock, the median of `--rounds`; `first` is the round before them, in which V8 still interprets the rewriter, as it does
 * in a new preparing process. The last line of the output is one JSON object.
 */
import { parseArgs } from "node:util";
import { extractModules } from "../src/runtime/prepare/extract-modules.ts";
import { meterModule } from "../src/runtime/prepare/meter/index.ts";
import { median } from "./support/pairs.ts";
import { componentOf, ECHO_HANDLERS } from "./support/programs.ts";
import { figure, table } from "./support/table.ts";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string", default: "9" } },
});

interface MeterSpeed {
  readonly bytes: number;
  /** Metered bytes of one byte. */
  readonly growth: number;
  readonly megabytesPerSecond: number;
  readonly first: number;
  readonly min: number;
  readonly max: number;
  /** The share of the time that V8's two validations take. */
  readonly validating: number;
}

function total(list: readonly Uint8Array[]): number {
  return list.reduce((sum, { length }) => sum + length, 0);
}

function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function measure(component: Uint8Array<ArrayBuffer>): MeterSpeed {
  const modules = extractModules(component).modules.map((bytes) => Uint8Array.from(bytes));
  const metered: Uint8Array<ArrayBuffer>[] = [];
  const firstMs = timed(() => metered.push(...modules.map((bytes) => meterModule(bytes).bytes)));
  const bytes = total(modules);
  const rounds = Array.from({ length: Number(options.rounds) }, () => ({
    validateMs: timed(() => {
      for (const module of [...modules, ...metered]) WebAssembly.validate(module);
    }),
    meterMs: timed(() => {
      for (const module of modules) meterModule(module);
    }),
  }));
  const speedOf = (meterMs: number): number => bytes / 1_000 / meterMs;
  const speeds = rounds.map(({ meterMs }) => speedOf(meterMs));
  return {
    bytes,
    growth: total(metered) / bytes,
    megabytesPerSecond: median(speeds),
    first: speedOf(firstMs),
    min: Math.min(...speeds),
    max: Math.max(...speeds),
    validating: median(rounds.map(({ validateMs, meterMs }) => validateMs / meterMs)),
  };
}

const rows: [string, MeterSpeed][] = [];
for (const [name, folder] of Object.entries(ECHO_HANDLERS)) {
  if (options.only === undefined || name.includes(options.only)) rows.push([name, measure(await componentOf(folder))]);
}

process.stdout.write(
  table(
    ["engine", "bytes", "growth", "MB/s", "first", "min", "max", "validating"],
    rows.map(([name, speed]) => [
      name,
      String(speed.bytes),
      figure(speed.growth),
      speed.megabytesPerSecond.toFixed(1),
      speed.first.toFixed(1),
      speed.min.toFixed(1),
      speed.max.toFixed(1),
      figure(speed.validating),
    ]),
  ),
);
process.stdout.write(`${JSON.stringify({ programs: Object.fromEntries(rows) })}\n`);
