/** Measures the programs of `bench/fuel.ts` under the V8 flags of this process. Progress to stderr, answer as JSON. */
import { prepareComponent } from "../../src/runtime/prepare-component.ts";
import { byMeanCall, comparePairs, timeOf } from "./pairs.ts";
import {
  ASSEMBLYSCRIPT_PROGRAMS,
  componentOf,
  coreModuleOf,
  ECHO_HANDLERS,
  JAVASCRIPT_ENGINES,
  JAVASCRIPT_PROGRAMS,
  ORDER_FULFILLMENT,
} from "./programs.ts";
import { type FuelProgram, readFuelRequest } from "./fuel-words.ts";
import { componentSides, coreSides, type Side } from "./side.ts";
import { BENCH_PREPARE_LIMITS, ORDER_STEPS, stepOf } from "./step.ts";

const { plan, only, plainOnly } = readFuelRequest(process.argv[2]);
const answer: { programs: Record<string, FuelProgram>; plainMs: Record<string, number> } = {
  programs: {},
  plainMs: {},
};

function measure(name: string, [plain, metered]: readonly [Side, Side]): void {
  if (plain() !== metered()) throw new Error(`${name}: the metered program gives another result`);
  process.stderr.write(`  ${name}\n`);
  if (plainOnly) answer.plainMs[name] = timeOf(plain, plan, byMeanCall);
  else answer.programs[name] = comparePairs([plain], metered, plan, byMeanCall);
}

const isWanted = (name: string): boolean => only === undefined || name.includes(only);

for (const program of ASSEMBLYSCRIPT_PROGRAMS) {
  const name = `assemblyscript/${program}`;
  if (isWanted(name)) measure(name, coreSides(await coreModuleOf(program)));
}

for (const engine of JAVASCRIPT_ENGINES) {
  const wanted = JAVASCRIPT_PROGRAMS.filter((program) => isWanted(`${engine}/${program}`));
  if (wanted.length === 0) continue;
  const sides = await sidesOf(ECHO_HANDLERS[engine]);
  for (const program of wanted) measure(`${engine}/${program}`, sides([stepOf(program)]));
}

if (isWanted("commerce/order_fulfillment")) {
  const sides = await sidesOf(ORDER_FULFILLMENT);
  measure("commerce/order_fulfillment", sides(ORDER_STEPS));
}

process.stdout.write(`${JSON.stringify(answer)}\n`);

async function sidesOf(folder: string): Promise<ReturnType<typeof componentSides>> {
  const component = await componentOf(folder);
  return componentSides(await prepareComponent(component, BENCH_PREPARE_LIMITS), component);
}
