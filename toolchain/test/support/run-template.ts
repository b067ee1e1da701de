import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { buildHandler, discoverHandlers } from "@tasker-host/toolchain";
import { type LoadedComponent, loadComponent, type RunOutcome } from "./run-component.ts";

const HANDLERS = join(import.meta.dirname, "../../../handlers");

interface Template {
  readonly name: string;
  readonly steps: readonly {
    readonly name: string;
    readonly handler: { readonly callable: string };
    readonly dependencies?: readonly string[];
    readonly retry?: { readonly max_attempts?: number };
  }[];
}

/** A shipped namespace, its handlers built, its templates at hand. */
export interface Namespace {
  /** Runs a template's steps in their order, each with all results before it; a retryable failure is tried again. */
  run(template: string, context: unknown): Map<string, StepRun>;
}

export interface StepRun {
  readonly attempts: number;
  readonly outcome: RunOutcome;
  /** The parsed result, where the last outcome is a success. */
  readonly result: unknown;
}

export async function loadNamespace(namespace: string): Promise<Namespace> {
  const components = new Map<string, LoadedComponent>();
  for (const folder of discoverHandlers(join(HANDLERS, namespace))) {
    const report = await buildHandler(folder);
    const component = await loadComponent(report.wasmPath);
    for (const callable of report.callables) components.set(callable, component);
  }
  return {
    run(name, context) {
      const path = join(HANDLERS, namespace, "templates", `${name}.yaml`);
      // A file of this repository, whose shape the template tests check.
      const template: Template = parse(readFileSync(path, "utf8"));
      const runs = new Map<string, StepRun>();
      for (const step of template.steps) {
        const component = components.get(step.handler.callable);
        if (component === undefined) throw new Error(`no component serves ${step.handler.callable}`);
        const before = Array.from(runs, ([stepName, { outcome }]) =>
          outcome.tag === "success" ? { stepName, result: outcome.val.result } : undefined,
        ).filter((each) => each !== undefined);
        const run = runStep(component, step, JSON.stringify(context), before);
        runs.set(step.name, run);
        if (run.outcome.tag !== "success") break;
      }
      return runs;
    },
  };
}

function runStep(
  component: LoadedComponent,
  step: Template["steps"][number],
  context: string,
  dependencyResults: readonly { stepName: string; result: string }[],
): StepRun {
  const maxAttempts = step.retry?.max_attempts ?? 3;
  for (let attempt = 1; ; attempt += 1) {
    const { callable } = step.handler;
    const { outcome } = component.run({ callable, context, dependencyResults, attempt, maxAttempts });
    if (outcome.tag === "success") return { attempts: attempt, outcome, result: JSON.parse(outcome.val.result) };
    if (outcome.tag !== "failure" || !outcome.val.retryable || attempt >= maxAttempts) {
      return { attempts: attempt, outcome, result: undefined };
    }
  }
}
