import type { Clock } from "../../core/clock.ts";
import type { InProcessEventSystem, StepEvent } from "./in-process-event-system.ts";
import { runNativeHandler, type NativeHandler } from "./native-handler.ts";

/** The handlers' side of the event system, for TypeScript that runs inside the host with the host's rights. */
export class EventSubscriber {
  readonly #events: InProcessEventSystem;
  readonly #clock: Clock;

  constructor(events: InProcessEventSystem, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  /**
   * Runs `handler` for every step of `callable` that no active component claims; returns how to stop that.
   * @throws TSK_HOST_CALLABLE_TAKEN where another native handler has the callable.
   * @example subscriber.subscribe("audit.record", async ({ task }) => ({ recorded: task.taskUuid }));
   */
  subscribe(callable: string, handler: NativeHandler): () => void {
    return this.#events.subscribeNative(callable, ({ payload, onStarted }: StepEvent) => {
      onStarted?.();
      return runNativeHandler(payload, handler, this.#clock);
    });
  }
}
