import type { JsonObject } from "./json/json-value.ts";
import type { OutputOf, Schema } from "./schema.ts";
import type { StepContext } from "./step-context.ts";

/** What does a step's work: returns the result (or an `Outcome`), or throws. May be async. */
export type HandlerFunction<Input = JsonObject, Config = JsonObject> = (step: StepContext<Input, Config>) => unknown;

/** A handler with its schemas. Made by `handler`. */
export interface Handler {
  readonly run: HandlerFunction<never, never>;
  readonly input: Schema | undefined;
  readonly config: Schema | undefined;
}

/** All handlers of a component, by callable. Made by `defineHandlers`. */
export interface Handlers {
  readonly byCallable: ReadonlyMap<string, Handler>;
}

/**
 * A handler whose input (the task's context) or config is checked before it runs. Any schema with `safeParse`, `parse` or
 * the Standard Schema interface will do; what it refuses is a permanent failure that lists the issues.
 *
 * ```ts
 * const square = handler({ input: z.object({ even_number: z.int() }) }, (step) => ({ result: step.input.even_number ** 2 }));
 * ```
 */
export function handler<
  InputSchema extends Schema = Schema<JsonObject>,
  ConfigSchema extends Schema = Schema<JsonObject>,
>(
  schemas: { readonly input?: InputSchema; readonly config?: ConfigSchema },
  run: HandlerFunction<OutputOf<InputSchema>, OutputOf<ConfigSchema>>,
): Handler {
  return { run, input: schemas.input, config: schemas.config };
}

/**
 * The default export of a component's entry: its handlers by callable, the name that a template's step gives under
 * `handler.callable`.
 *
 * ```ts
 * export default defineHandlers({ "linear.square": (step) => ({ result: 36 }) });
 * ```
 */
export function defineHandlers(handlers: Readonly<Record<string, HandlerFunction | Handler>>): Handlers {
  const entries = Object.entries(handlers).map(([callable, given]): [string, Handler] => [
    callable,
    typeof given === "function" ? { run: given, input: undefined, config: undefined } : given,
  ]);
  if (entries.length === 0) throw new Error("Cannot define handlers: found none, wanted at least one callable");
  return { byCallable: new Map(entries) };
}
