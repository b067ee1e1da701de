import { defineHandlers, type Handlers } from "../handlers.ts";
import { type Schema, validate } from "../schema.ts";
import { startRunClock } from "./run-clock.ts";
import type { WitContext } from "./wit-context.ts";

/**
 * Runs, while the component is being built, what is set up lazily when it is first used: the SDK's own path through a
 * step, and the schemas (zod compiles each at its first parse). The memory afterwards is what every step starts with:
 * measured, a zod handler's step takes half the time. The author's functions are not called: what they remember would
 * be remembered in every step.
 */
export function warmUp(handlers: Handlers, run: (handlers: Handlers, context: WitContext) => void): void {
  for (const handler of handlers.byCallable.values()) {
    warmSchema(handler.input);
    warmSchema(handler.config);
  }
  run(SAMPLE_HANDLERS, SAMPLE_CONTEXT);
  run(SAMPLE_HANDLERS, { ...SAMPLE_CONTEXT, callable: "failing" });
  startRunClock(0, "build");
}

function warmSchema(schema: Schema | undefined): void {
  try {
    if (schema) validate(schema, {}, "a sample");
  } catch {
    // Most schemas refuse an empty object; they are compiled by then.
  }
}

const SAMPLE_HANDLERS = defineHandlers({
  sample: async (step) => ({ input: step.input, before: await soon(step.dependency("before")), config: step.config }),
  failing: () => {
    throw new Error("sample");
  },
});

async function soon<T>(value: T): Promise<T> {
  return value;
}

const SAMPLE_CONTEXT: WitContext = {
  taskUuid: "",
  stepUuid: "",
  correlationId: "",
  namespace: "",
  taskName: "",
  taskVersion: "",
  stepName: "",
  templateStepName: "",
  callable: "sample",
  attempt: 1,
  maxAttempts: 1,
  nowMs: 0,
  deadlineMs: 0,
  seed: 0,
  context: '{"number":1.5,"long":12345678901234567890,"text":"é"}',
  inputs: "{}",
  config: "{}",
  dependencyResults: [{ stepName: "before", result: "[true,null]" }],
  attributes: [],
};
