import pg from "pg";
import { describe, expect, it } from "vitest";
import { type ErrorCode, TaskerError } from "../../src/core/errors/index.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { ClaimedStep, StepReport } from "../../src/host/database/steps.ts";
import { EventPublisher } from "../../src/host/events/event-publisher.ts";
import { InProcessEventSystem, type StepEvent } from "../../src/host/events/in-process-event-system.ts";
import { Metrics } from "../../src/host/observability/metrics.ts";
import { type ExecutorDeps, WorkerExecutor } from "../../src/host/worker/executor.ts";
import { ResultReporter } from "../../src/host/worker/result-reporter.ts";
import type { Outcome, RunReport } from "../../src/runtime/index.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";
import { claimedStep } from "./support/claimed-step.ts";

const SUCCESS: Outcome = { kind: "success", resultJson: "1", metadataJson: "{}", attributes: [] };
const YIELD: Outcome = { kind: "checkpoint-yield", cursorJson: "1", itemsProcessed: 1, accumulatedJson: undefined };

function ran(outcome: Outcome): RunReport {
  return { outcome, usage: { fuelUsed: 0, peakMemoryBytes: 0, durationMs: 0 }, logs: [] };
}

function failure(code: ErrorCode): TaskerError {
  return new TaskerError(code, { attempted: "Cannot start", found: "trouble" });
}

/** An executor whose steps `sandbox` runs; `passTime` lets it wait for nothing. */
function setup(sandbox: (event: StepEvent) => Promise<RunReport>, deps: Partial<ExecutorDeps> = {}) {
  const clock = new ManualClock();
  const reported: StepReport[] = [];
  const offered: string[] = [];
  const reporter = new ResultReporter({
    reportSteps: (reports) => {
      reported.push(...reports);
      return Promise.resolve(reports.map(({ stepUuid }) => ({ stepUuid, verdict: "recorded" as const })));
    },
    giveUp: () => Promise.resolve(),
    reachable: () => true,
    clock,
    logger: silentLogger,
    metrics: new Metrics(),
    maxBatchSize: 1,
    flushIntervalMs: 1,
    persistenceTimeoutMs: 1_000,
  });
  const events = new InProcessEventSystem();
  events.subscribeSandbox(sandbox);
  const executor = new WorkerExecutor({
    publisher: new EventPublisher(events),
    reporter,
    saveCheckpoint: () => Promise.resolve(true),
    serveLate: () => Promise.resolve(undefined),
    lastServer: () => Promise.resolve(undefined),
    offerUnstarted: ({ stepUuid }) => {
      offered.push(stepUuid);
      return Promise.resolve();
    },
    componentFacts: () => Promise.resolve(undefined),
    clock,
    logger: silentLogger,
    metrics: new Metrics(),
    hydration: { defaultTimeoutMs: 1_000 },
    maxDependencyBytes: 1_000,
    workerId: "worker",
    workerHostname: "host",
    ...deps,
  });
  const run = async (step: ClaimedStep): Promise<void> => {
    await reporter.start();
    await clock.passUntil(executor.execute(step), 1_000);
  };
  return { executor, run, reported, offered };
}

const STEP = claimedStep("a", { digest: "digest" });

describe("WorkerExecutor", () => {
  it.each(["TSK_DATABASE_UNREACHABLE", "TSK_DATABASE_TIMEOUT", "TSK_DATABASE_CONFLICT"] as const)(
    "waits in its slot through %s before a step begins: that is no failure of the step",
    async (code) => {
      let tries = 0;
      const { run, reported, offered } = setup(() => {
        tries += 1;
        return tries < 20 ? Promise.reject(failure(code)) : Promise.resolve(ran(SUCCESS));
      });
      await run(STEP);
      expect(reported).toMatchObject([{ stepUuid: "a", success: true }]);
      expect(offered).toEqual([]);
    },
  );

  it("offers a step that its host cannot start, after some tries, and reports nothing of it", async () => {
    let tries = 0;
    const { run, reported, offered } = setup(() => {
      tries += 1;
      return Promise.reject(failure("TSK_SANDBOX_NOT_STARTED"));
    });
    await run(STEP);
    expect({ tries, reported, offered }).toEqual({ tries: 3, reported: [], offered: ["a"] });
  });

  it("fails a step whose dependency results were left out, and runs nothing", async () => {
    let runs = 0;
    const { run, reported } = setup(() => {
      runs += 1;
      return Promise.resolve(ran(SUCCESS));
    });
    await run(claimedStep("a", { digest: "digest", bytesLeftOut: 2_000 }));
    expect(runs).toBe(0);
    const resultJson: unknown = expect.stringContaining("TSK_HANDLER_PAYLOAD_EXCEEDED");
    expect(reported).toMatchObject([{ success: false, retryable: false, resultJson }]);
  });

  it.each([
    ["that nothing ever served ends for good", undefined, false, "TSK_HANDLER_NOT_FOUND"],
    ["that something served once is tried again", "pay@1.0.0", true, "TSK_HANDLER_INACTIVE"],
  ] as const)("a step %s", async (_name, server, retryable, code) => {
    const lastServer = () => Promise.resolve(server);
    const { run, reported } = setup(() => Promise.resolve(ran(SUCCESS)), { lastServer });
    await run(claimedStep("a"));
    const resultJson: unknown = expect.stringContaining(code);
    expect(reported).toMatchObject([{ success: false, retryable, resultJson }]);
  });

  it("keeps the slot until the offer is answered", async () => {
    let offers = 0;
    const { run } = setup(() => Promise.reject(failure("TSK_SANDBOX_NOT_STARTED")), {
      offerUnstarted: () => {
        offers += 1;
        return offers < 3 ? Promise.reject(failure("TSK_DATABASE_UNREACHABLE")) : Promise.resolve();
      },
    });
    await run(STEP);
    expect(offers).toBe(3);
  });

  it.each([
    ["whose component is refused", STEP, "TSK_COMPONENT_ARTIFACT_CORRUPT"],
    ["that was offered again and again", claimedStep("a", { digest: "d", epoch: 10 }), "TSK_SANDBOX_NOT_STARTED"],
  ] as const)("reports a step %s as a failure that says why", async (_name, step, code) => {
    const { run, reported, offered } = setup(() => Promise.reject(failure(code)));
    await run(step);
    expect(reported).toMatchObject([
      { success: false, retryable: true, resultJson: expect.stringContaining("trouble") },
    ]);
    expect(offered).toEqual([]);
  });

  it("saves a checkpoint as often as it takes, and goes on from it", async () => {
    let saves = 0;
    let runs = 0;
    const { run, reported } = setup(
      ({ onStarted }) => {
        onStarted?.();
        runs += 1;
        return Promise.resolve(ran(runs === 1 ? YIELD : SUCCESS));
      },
      {
        saveCheckpoint: () => {
          saves += 1;
          return saves < 4 ? Promise.reject(failure("TSK_DATABASE_UNREACHABLE")) : Promise.resolve(true);
        },
      },
    );
    await run(STEP);
    expect({ saves, runs }).toEqual({ saves: 4, runs: 2 });
    expect(reported).toMatchObject([{ success: true }]);
  });

  it.each([
    ["the database says that its lease is gone", () => Promise.resolve(false), "lease was gone"],
    [
      "Postgres refuses its checkpoint",
      () => Promise.reject(Object.assign(new pg.DatabaseError("no U+0000", 0, "error"), { code: "22P05" })),
      "no U+0000",
    ],
  ])("fails a step where %s", async (_name, saveCheckpoint, reason) => {
    const { run, reported } = setup(() => Promise.resolve(ran(YIELD)), { saveCheckpoint });
    await run(STEP);
    expect(reported).toMatchObject([{ success: false, resultJson: expect.stringContaining(reason) }]);
  });

  it("knows how far a step came, and reports nothing of one that was cut off with the host", async () => {
    const begin = Promise.withResolvers<void>();
    const end = Promise.withResolvers<Outcome>();
    const { executor, reported, offered } = setup(async ({ onStarted }) => {
      await begin.promise;
      onStarted?.();
      return ran(await end.promise);
    });
    const executed = executor.execute(STEP);
    expect(executor.stageOf(STEP)).toBe("waiting");
    begin.resolve();
    await expect.poll(() => executor.stageOf(STEP)).toBe("running");
    executor.abandon();
    end.resolve({ kind: "sandbox-lost", reason: "the sandbox was stopped" });
    await executed;
    expect(executor.stageOf(STEP)).toBe("running");
    expect({ reported, offered }).toEqual({ reported: [], offered: [] });
  });

  it("calls a step done from the end of its handler on, whatever the host still looks up for the result", async () => {
    const facts = Promise.withResolvers<undefined>();
    const { executor, run, reported } = setup(() => Promise.resolve(ran(SUCCESS)), {
      componentFacts: () => facts.promise,
    });
    const executed = run(STEP);
    await expect.poll(() => executor.stageOf(STEP)).toBe("done");
    executor.abandon();
    facts.resolve(undefined);
    await executed;
    expect(reported).toMatchObject([{ success: true }]);
  });
});
