/**
 * What metering costs: each program metered against unmetered, in the same process, on instances that live on.
 *
 * `node bench/fuel.ts [--quick] [--only=NAME] [--against-default]`
 *
 * Both sides run under the V8 flags of the sandbox process. `--against-default` measures the unmetered programs once
 * more under V8's own defaults, in a second process: a figure for quiet machines only. The last line of the output is one JSON object.
 */
import { parseArgs } from "node:util";
import { type FuelAnswer, type FuelRequest, readFuelAnswer } from "./support/fuel-words.ts";
import { WASM_FLAGS } from "../src/runtime/process/child-process.ts";
import { measureUnder } from "./support/measuring-process.ts";
import { FULL, geometricMean, QUICK } from "./support/pairs.ts";
import { figure, table, worstOf } from "./support/table.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    "against-default": { type: "boolean", default: false },
  },
});

const plan = options.quick ? QUICK : FULL;
const flags = WASM_FLAGS;

async function measure(v8Flags: readonly string[], plainOnly: boolean): Promise<FuelAnswer> {
  const request: FuelRequest = { plan, plainOnly, only: options.only };
  return readFuelAnswer(await measureUnder(v8Flags, "fuel-process.ts", [JSON.stringify(request)]));
}

const { programs } = await measure(flags, false);
const byDefault = options["against-default"] ? (await measure([], true)).plainMs : undefined;

const rows = Object.entries(programs).map(([name, program]) => {
  const plainByDefault = byDefault?.[name];
  return { name, ...program, againstDefault: plainByDefault && program.measuredMs / plainByDefault };
});
const ratios = rows.map(({ ratio }) => ratio);
const againstDefault = rows.flatMap((row) => row.againstDefault ?? []);

process.stdout.write(
  table(
    ["program", "plain ms", "metered ms", "ratio", "min", "max", ...(byDefault ? ["against default flags"] : [])],
    rows.map((row) => [
      row.name,
      figure(row.baseMs),
      figure(row.measuredMs),
      figure(row.ratio),
      figure(row.min),
      figure(row.max),
      ...(byDefault ? [figure(row.againstDefault)] : []),
    ]),
  ),
);
const summary = {
  geomean: geometricMean(ratios),
  worst: worstOf(rows),
  ...(byDefault && { againstDefaultFlags: { geomean: geometricMean(againstDefault) } }),
};
process.stdout.write(`\ngeometric mean ${figure(summary.geomean)}, worst ${summary.worst.name}\n`);
process.stdout.write(`${plan.pairs} pairs, V8 flags ${flags.join(" ")}\n`);
process.stdout.write(
  `${JSON.stringify({ ...summary, flags, programs: Object.fromEntries(rows.map(({ name, ...row }) => [name, row])) })}\n`,
);
