/** What the shipped components are asked in earnest: their templates' steps, their samples, and their own results. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { discoverHandlers } from "@tasker-host/toolchain";
import { parse } from "yaml";
import { z } from "zod";
import type { StepContext } from "../../../src/runtime/index.ts";
import { CONTEXT } from "../support/runs.ts";
import type { OracleRun } from "../support/oracle.ts";
import type { Corpus, KnownStep } from "./contexts.ts";

const HANDLERS = join(import.meta.dirname, "../../../handlers");
const CSV = `date,precipitation,temp_max,temp_min,wind,weather
2012-01-01,0.0,12.8,5.0,4.7,drizzle
2012-01-02,10.9,10.6,2.8,4.5,rain
2012-02-03,0.8,11.7,7.2,2.3,rain
2012-02-04,20.3,12.2,5.6,4.7,snow
`;

const template = z.object({
  steps: z.array(
    z.object({
      name: z.string(),
      handler: z.object({ callable: z.string() }),
      dependencies: z.array(z.string()).default([]),
    }),
  ),
});

export interface ShippedComponent {
  /** Namespace and folder: `math/linear-ts`. */
  readonly name: string;
  readonly wasmPath: string;
}

export const SHIPPED: readonly ShippedComponent[] = discoverHandlers(HANDLERS).map((folder) => ({
  name: folder.slice(HANDLERS.length + 1),
  wasmPath: globSync(join(folder, "build/*.wasm"))[0] ?? "",
}));

type Oracle = (context: StepContext) => OracleRun;

/**
 * The corpora of all components of a namespace. `oracles` has the one that serves each callable: step after step of every
 * template is asked, and what it answers is what the steps behind it are given.
 */
export function corpusOf(name: string, oracles: ReadonlyMap<string, Oracle>, callables: readonly string[]): Corpus {
  const folder = join(HANDLERS, name.split("/")[0] ?? "");
  const contexts = globSync(join(folder, "samples/*.json")).map((path) => sample(readFileSync(path, "utf8")));
  const steps = globSync(join(folder, "templates/*.yaml"))
    .flatMap((path) => template.parse(parse(readFileSync(path, "utf8"))).steps)
    .map(({ name, handler, dependencies }): KnownStep => ({
      stepName: name,
      callable: handler.callable,
      dependencies,
    }));
  const results = new Map<string, unknown>();
  for (const step of steps) results.set(step.stepName, resultOf(step, contexts[0], results, oracles));
  return { steps: steps.filter(({ callable }) => callables.includes(callable)), contexts, results };
}

/** The context of a known step as its author meant it. The pretended payment gateway times out on attempt 1. */
export function plainContext(step: KnownStep, context: unknown, results: ReadonlyMap<string, unknown>): StepContext {
  return {
    ...CONTEXT,
    stepName: step.stepName,
    templateStepName: step.stepName,
    callable: step.callable,
    attempt: 2,
    contextJson: JSON.stringify(context),
    dependencyResults: step.dependencies.map((stepName) => ({
      stepName,
      resultJson: JSON.stringify(results.get(stepName)),
    })),
  };
}

function resultOf(
  step: KnownStep,
  context: unknown,
  results: ReadonlyMap<string, unknown>,
  oracles: ReadonlyMap<string, Oracle>,
): unknown {
  const answered = oracles.get(step.callable)?.(plainContext(step, context, results));
  return JSON.parse(success.parse(answered?.outcome).val.result);
}

const success = z.object({ tag: z.literal("success"), val: z.object({ result: z.string() }) });

function sample(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => (isFile(value) ? CSV : value));
}

function isFile(value: unknown): boolean {
  return typeof value === "object" && value !== null && "$file" in value;
}
