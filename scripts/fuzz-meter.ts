/**
 * `npm run fuzz:meter -- --first 0 --seeds 1000`: random valid modules, plain and metered. Each has to do the same, and two
 * metered runs have to cost the same. Modules in which V8's stack overflows are set aside: where, is V8's own business.
 * The last line of the output is one JSON object; the exit status is 1 if anything differs.
 */
import { parseArgs } from "node:util";
import { compareSeed, type Compared } from "../test/runtime/meter/random-module.ts";

const { values } = parseArgs({
  options: { first: { type: "string", default: "0" }, seeds: { type: "string", default: "1000" } },
});
const [first, seeds] = [Number(values.first), Number(values.seeds)];
const PROGRESS_EVERY = 50;

const counts: Record<Compared["verdict"], number> = {
  same: 0,
  overflowed: 0,
  invalid: 0,
  difference: 0,
  "fuel-difference": 0,
};
for (let seed = first; seed < first + seeds; seed += 1) {
  const { verdict, found } = compareSeed(seed);
  counts[verdict] += 1;
  if (found !== undefined) process.stdout.write(`seed ${seed}: ${found}\n`);
  if ((seed - first + 1) % PROGRESS_EVERY === 0) process.stderr.write(`${seed - first + 1} of ${seeds}\n`);
}
const { same, overflowed, invalid, difference: differences, "fuel-difference": fuelDifferences } = counts;
process.stdout.write(`${JSON.stringify({ first, seeds, same, differences, fuelDifferences, overflowed, invalid })}\n`);
process.exitCode = differences + fuelDifferences + invalid > 0 ? 1 : 0;
