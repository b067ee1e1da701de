import { Outcome } from "./outcome";
import { StepContext } from "./step-context";

export type Handler = (step: StepContext) => Outcome;

/** Parallel lists: two or three entries, made anew in every instance, are not worth a map. */
const callables = new Array<string>();
const handlers = new Array<Handler>();

/**
 * Serves `callable`, the name that a template's step gives under `handler.callable`. Call it at the entry's top level.
 *
 * ```ts
 * register("greeting.say", (step: StepContext): Outcome => success(Json.str("Hello, " + step.input.get("name").asString())));
 * ```
 */
export function register(callable: string, handler: Handler): void {
  if (callables.includes(callable)) throw new Error('Cannot register "' + callable + '": it is registered already');
  callables.push(callable);
  handlers.push(handler);
}

/** For the glue. */
export function registeredCallables(): Array<string> {
  return callables;
}

/** For the glue: null where nobody registered it. */
export function handlerOf(callable: string): Handler | null {
  const at = callables.indexOf(callable);
  return at >= 0 ? handlers[at] : null;
}
