/**
 * What a step of its own costs: fresh instance + lower + echo + lift, in one process with recycled memories, as a multiple
 * of a bare `new WebAssembly.Instance` of each metered module that the component links plus a copy of as many bytes as their
 * memories begin with. A step does not instantiate those modules that `link-past-shims.ts` leaves out.
 *
 * `node bench/instantiate.ts [--quick] [--only=NAME]`
 *
 * Under the V8 flags of the sandbox process. The last line of the output is one JSON object.
 */
import { parseArgs } from "node:util";
import { type InstantiateRequest, readInstantiateAnswer } from "./support/instantiate-words.ts";
import { WASM_FLAGS } from "../src/runtime/process/child-process.ts";
import { measureUnder } from "./support/measuring-process.ts";
import { FULL, geometricMean, QUICK } from "./support/pairs.ts";
import { figure, table, worstOf } from "./support/table.ts";

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
});

const plan = options.quick ? QUICK : FULL;
const flags = WASM_FLAGS;
const request: InstantiateRequest = { plan, only: options.only };
const programs = readInstantiateAnswer(await measureUnder(flags, "instantiate-process.ts", [JSON.stringify(request)]));
const rows = Object.entries(programs).map(([name, program]) => ({ name, ...program }));
const micros = (ms = Number.NaN): string => (ms * 1_000).toFixed(1);

process.stdout.write(
  table(
    ["engine", "instance µs", "copy µs", "both µs", "step µs", "ratio", "min", "max"],
    rows.map((row) => [
      row.name,
      micros(row.basePartsMs[0]),
      micros(row.basePartsMs[1]),
      micros(row.baseMs),
      micros(row.measuredMs),
      figure(row.ratio),
      figure(row.min),
      figure(row.max),
    ]),
  ),
);
const summary = { geomean: geometricMean(rows.map(({ ratio }) => ratio)), worst: worstOf(rows) };
process.stdout.write(`\ngeometric mean ${figure(summary.geomean)}, worst ${summary.worst.name}\n`);
process.stdout.write(`${plan.pairs} pairs, V8 flags ${flags.join(" ")}\n`);
process.stdout.write(
  `${JSON.stringify({ ...summary, flags, programs: Object.fromEntries(rows.map(({ name, ...row }) => [name, row])) })}\n`,
);
