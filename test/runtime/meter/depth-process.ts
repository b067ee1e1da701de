/** Runs each of the shapes in this process, to `--call-depth`, and prints how it ended: a JSON object by name. */
import { parseArgs } from "node:util";
import { SHAPES } from "./depth-shapes.ts";
import { instantiateMetered, newBudgets } from "./metered-instance.ts";
import { wasm } from "./wasm-text.ts";

const { values } = parseArgs({ options: { "call-depth": { type: "string", default: "0" } } });
const ends: Record<string, string> = {};

for (const [name, fields, other] of SHAPES) {
  const budgets = newBudgets({ callDepth: Number(values["call-depth"]) });
  const given =
    other === undefined ? {} : { other: instantiateMetered(await wasm(`(module ${other})`), { budgets }).exports };
  const run = instantiateMetered(await wasm(`(module ${fields})`), { budgets, imports: given });
  const error = run.call("f");
  ends[name] = run.stopped() ?? String(error);
}
process.stdout.write(JSON.stringify(ends));
