import { TaskerError } from "../../core/errors/index.ts";
import type { StepEventPayload } from "../domain/step-event.ts";
import type { StepRun } from "../domain/step-run.ts";

/** A claimed step, announced: what to run, and the component that was active for it at the claim. */
export interface StepEvent {
  readonly payload: StepEventPayload;
  /** Digest of the component that runs it; undefined where a native handler should. */
  readonly moduleDigest: string | undefined;
  /** Called when the handler begins: until then the step may be given to somebody else as if nothing had been. */
  readonly onStarted?: (() => void) | undefined;
}

/** Runs the step of an event. Must not reject for what a handler did: that is an outcome. */
export type StepEventHandler = (event: StepEvent) => Promise<StepRun>;

/**
 * Carries step events from the worker to whoever runs the step, inside this process.
 *
 * Events that name a component go to the sandbox; others go to the native handler of their callable.
 * Delivery is a call: what the handler returns is what `publish` resolves to, and nothing is queued or lost in between.
 */
export class InProcessEventSystem {
  readonly #native = new Map<string, StepEventHandler>();
  #sandbox: StepEventHandler | undefined;

  /**
   * Gives the callable to a native handler; the returned function takes it away again.
   * @throws TSK_HOST_CALLABLE_TAKEN where another handler has it.
   */
  subscribeNative(callable: string, handler: StepEventHandler): () => void {
    if (this.#native.has(callable)) {
      throw new TaskerError("TSK_HOST_CALLABLE_TAKEN", {
        attempted: `Cannot subscribe to step events of "${callable}"`,
        found: "another native handler has that callable",
        accepted: "one native handler for each callable",
      });
    }
    this.#native.set(callable, handler);
    return () => {
      if (this.#native.get(callable) === handler) this.#native.delete(callable);
    };
  }

  /** Sets who runs the steps that name a component. */
  subscribeSandbox(handler: StepEventHandler): void {
    this.#sandbox = handler;
  }

  /** The callables that native handlers have. */
  get nativeCallables(): readonly string[] {
    return [...this.#native.keys()];
  }

  /** Delivers the event; undefined where nobody is subscribed for it. */
  async publish(event: StepEvent): Promise<StepRun | undefined> {
    const handler = event.moduleDigest === undefined ? this.#native.get(event.payload.step.callable) : this.#sandbox;
    return handler?.(event);
  }
}
