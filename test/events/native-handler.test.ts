import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { StepEventPayload } from "../../src/host/domain/step-event.ts";
import { EventPublisher } from "../../src/host/events/event-publisher.ts";
import { EventSubscriber } from "../../src/host/events/event-subscriber.ts";
import { InProcessEventSystem } from "../../src/host/events/in-process-event-system.ts";
import type { RunReport } from "../../src/runtime/index.ts";

const EVENT: StepEventPayload = {
  task: {
    taskUuid: "t",
    namespace: "n",
    name: "task",
    version: "1.0.0",
    correlationId: "c",
    parentCorrelationId: undefined,
    contextJson: '{"big":9007199254740993}',
  },
  sequence: [],
  step: {
    stepUuid: "s",
    name: "step",
    templateStepName: "step",
    callable: "native.echo",
    method: undefined,
    attempt: 1,
    maxAttempts: 3,
    timeoutMs: 1_000,
    inputsJson: "{}",
    configJson: "{}",
    checkpointJson: undefined,
  },
};

function setup(): { events: InProcessEventSystem; subscriber: EventSubscriber; publisher: EventPublisher } {
  const events = new InProcessEventSystem();
  return { events, subscriber: new EventSubscriber(events, systemClock), publisher: new EventPublisher(events) };
}

async function fire(publisher: EventPublisher, moduleDigest?: string): Promise<RunReport | undefined> {
  return publisher.fireStepEvent({ payload: EVENT, moduleDigest });
}

describe("EventSubscriber.subscribe()", () => {
  it("gives a native handler the event and takes what it returns as the result", async () => {
    const { subscriber, publisher } = setup();
    subscriber.subscribe("native.echo", ({ task }) => ({ context: task.contextJson }));
    expect((await fire(publisher))?.outcome).toMatchObject({
      kind: "success",
      resultJson: '{"context":"{\\"big\\":9007199254740993}"}',
    });
  });

  it("turns what a native handler throws into a failure, retryable unless it says otherwise", async () => {
    const { subscriber, publisher } = setup();
    const unsubscribe = subscriber.subscribe("native.echo", () => {
      throw new RangeError("no");
    });
    expect((await fire(publisher))?.outcome).toMatchObject({
      kind: "failure",
      message: "no",
      errorType: "RangeError",
      retryable: true,
    });
    unsubscribe();
    subscriber.subscribe("native.echo", () => Promise.reject(Object.assign(new Error("never"), { retryable: false })));
    expect((await fire(publisher))?.outcome).toMatchObject({ kind: "failure", message: "never", retryable: false });
  });

  it("walks away at the deadline and tells the handler by its signal", async () => {
    const { subscriber, publisher } = setup();
    let aborted = false;
    subscriber.subscribe(
      "native.echo",
      (_event, signal) =>
        new Promise(() => {
          signal.addEventListener("abort", () => (aborted = true));
        }),
    );
    const event = { ...EVENT, step: { ...EVENT.step, timeoutMs: 5 } };
    const run = await publisher.fireStepEvent({ payload: event, moduleDigest: undefined });
    expect(run?.outcome).toEqual({ kind: "timeout", limitMs: 5 });
    expect(aborted).toBe(true);
  });

  it.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["what Postgres cannot hold", { text: "a\u0000" }],
  ])("refuses %s as a result", async (_name, value) => {
    const { subscriber, publisher } = setup();
    subscriber.subscribe("native.echo", () => value);
    expect((await fire(publisher))?.outcome.kind).toBe("invalid-result");
  });

  it("refuses a second handler for a callable", () => {
    const { subscriber } = setup();
    subscriber.subscribe("native.echo", () => 1);
    expect(() => subscriber.subscribe("native.echo", () => 2)).toThrow(
      expect.objectContaining({ code: "TSK_HOST_CALLABLE_TAKEN" }),
    );
  });
});

describe("EventPublisher.fireStepEvent()", () => {
  it("sends an event that names a component to the sandbox, whoever subscribed natively", async () => {
    const { events, subscriber, publisher } = setup();
    subscriber.subscribe("native.echo", () => "native");
    events.subscribeSandbox(() =>
      Promise.resolve({
        outcome: { kind: "stack-exhausted" },
        usage: { fuelUsed: 1, peakMemoryBytes: 0, durationMs: 0 },
        logs: [],
      }),
    );
    expect((await fire(publisher, "digest"))?.outcome.kind).toBe("stack-exhausted");
    expect((await fire(publisher))?.outcome.kind).toBe("success");
  });

  it("answers undefined where nobody is subscribed", async () => {
    expect(await fire(setup().publisher)).toBeUndefined();
  });
});
