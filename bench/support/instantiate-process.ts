/** Measures the engines of `bench/instantiate.ts` under the V8 flags of this process. Progress to stderr, answer as JSON. */
import { compileComponent, type CompiledComponent } from "../../src/runtime/execute/compiled-component.ts";
import { MemoryPool } from "../../src/runtime/execute/memory-pool.ts";
import { runStep } from "../../src/runtime/execute/run-step.ts";
import { prepareComponent } from "../../src/runtime/prepare-component.ts";
import { bareInstances } from "./bare-instance.ts";
import { type InstantiateProgram, readInstantiateRequest } from "./instantiate-words.ts";
import { byMedianCall, comparePairs } from "./pairs.ts";
import { componentOf, ECHO_HANDLERS } from "./programs.ts";
import { writtenArtifact } from "./side.ts";
import { BENCH_PREPARE_LIMITS, STEP_LIMITS, stepOf } from "./step.ts";

const { plan, only } = readInstantiateRequest(process.argv[2]);
const programs: Record<string, InstantiateProgram> = {};

for (const [name, folder] of Object.entries(ECHO_HANDLERS)) {
  if (only !== undefined && !name.includes(only)) continue;
  const bytes = await componentOf(folder);
  const artifact = await prepareComponent(bytes, BENCH_PREPARE_LIMITS);
  const component = compileComponent(artifact);
  const bare = bareInstances(compileComponent(writtenArtifact(artifact, bytes)));
  const fresh = freshRun(component);
  const comparison = comparePairs([bare.instantiate, bare.copyMemories], fresh, plan, byMedianCall);
  programs[name] = { ...comparison, copiedBytes: bare.copiedBytes };
  process.stderr.write(`  ${name} ${comparison.ratio.toFixed(3)}\n`);
}

process.stdout.write(`${JSON.stringify(programs)}\n`);

/** One step as the sandbox process runs it: budgets, recycled memories, replay, lower, echo, lift, memories back. */
function freshRun(component: CompiledComponent): () => void {
  const input = JSON.stringify({ order_id: "A-1001", amounts: [1, 2, 3], note: "a text of some words" });
  const context = stepOf("echo", { contextJson: input, inputsJson: input });
  const pool = new MemoryPool(134_217_728);
  return () => {
    const { outcome } = runStep({ component, context, limits: STEP_LIMITS, sourceMap: undefined }, pool);
    if (outcome.kind !== "success" || outcome.resultJson !== input) {
      throw new Error(`the echo ended with ${JSON.stringify(outcome)}`);
    }
  };
}
