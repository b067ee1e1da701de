/**
 * `npm run fuzz:gate -- --seed 1 --mutants 10000`: damaged components against the gate, through the real processes.
 * Every one must end as a refusal with a code or as an artifact, and a good component must pass between them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildHandler } from "@tasker-host/toolchain";
import { prepareComponent } from "../src/runtime/index.ts";
import { mutantOf, randomOf } from "./fuzz/mutants.ts";
import { LIMITS, type Stage, STAGES, tryMutant } from "./fuzz/try-mutant.ts";

const HANDLERS = join(import.meta.dirname, "../handlers");
/** Shares of the mutants that have to come so far, or the mutations say nothing about what lies behind. */
const WANTED: readonly (readonly [stage: Stage, share: number])[] = [
  ["past the preamble", 1 / 3],
  ["past transpilation", 1 / 10],
];
/** Small ones: what is found in 20 kB is not found faster in 2 MB. */
const FOLDERS = ["math/linear-as", "math/diamond-as", "weather/report"];
const PARALLEL = 2;
const GOOD_EVERY = 250;

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, mutants: { type: "string", default: "10000" } },
});
const mutants = Number(values.mutants);
const random = randomOf(Number(values.seed));
const good: Uint8Array<ArrayBuffer>[] = [];
for (const folder of FOLDERS) {
  const { wasmPath } = await buildHandler(join(HANDLERS, folder));
  good.push(new Uint8Array(readFileSync(wasmPath)));
}

const stages = new Map<Stage, number>(STAGES.map((stage) => [stage, 0]));
const codes = new Map<string, number>();
const startedMs = performance.now();
let next = 0;
await Promise.all(Array.from({ length: PARALLEL }, work));
report();

async function work(): Promise<void> {
  while (next < mutants) {
    const index = next;
    next += 1;
    const { mutation, bytes } = mutantOf(good, random);
    const { stage, code } = await tryMutant(bytes).catch((cause: unknown) => {
      throw new Error(`mutant ${index} of seed ${values.seed} (${mutation}) ended as no refusal`, { cause });
    });
    stages.set(stage, (stages.get(stage) ?? 0) + 1);
    if (code !== undefined) codes.set(code, (codes.get(code) ?? 0) + 1);
    if (index % GOOD_EVERY !== 0) continue;
    await prepareComponent(good[0] ?? new Uint8Array(), LIMITS);
    process.stderr.write(`${index} of ${mutants}, ${Math.round((performance.now() - startedMs) / 1_000)} s\n`);
  }
}

function report(): void {
  const share = (count: number): string => `${((100 * count) / mutants).toFixed(1)} %`;
  const atLeast = (stage: Stage): number =>
    STAGES.slice(STAGES.indexOf(stage)).reduce((sum, each) => sum + (stages.get(each) ?? 0), 0);
  for (const stage of STAGES.slice(1)) process.stdout.write(`${stage.padEnd(20)}${share(atLeast(stage))}\n`);
  for (const [code, count] of Array.from(codes).sort(([, a], [, b]) => b - a)) {
    process.stdout.write(`  ${code.padEnd(36)}${share(count)}\n`);
  }
  for (const [stage, wanted] of WANTED) {
    if (atLeast(stage) >= wanted * mutants) continue;
    process.stdout.write(`too few came ${stage}: at least ${share(wanted * mutants)} have to\n`);
    process.exitCode = 1;
  }
  process.stdout.write(
    `${JSON.stringify({ seed: Number(values.seed), mutants, stages: Object.fromEntries(stages), codes: Object.fromEntries(codes) })}\n`,
  );
}
