import type { StepRun } from "../domain/step-run.ts";
import type { InProcessEventSystem, StepEvent } from "./in-process-event-system.ts";

/** The worker's side of the event system: announces claimed steps and gets back how they ended. */
export class EventPublisher {
  readonly #events: InProcessEventSystem;

  constructor(events: InProcessEventSystem) {
    this.#events = events;
  }

  /** Announces one claimed step; undefined where no handler is subscribed for it. */
  fireStepEvent(event: StepEvent): Promise<StepRun | undefined> {
    return this.#events.publish(event);
  }
}
