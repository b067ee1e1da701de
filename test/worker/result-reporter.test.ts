import pg from "pg";
import { describe, expect, it } from "vitest";
import { TaskerError } from "../../src/core/errors/index.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { StepReport, StepVerdict } from "../../src/host/database/steps.ts";
import { Metrics } from "../../src/host/observability/metrics.ts";
import { ResultReporter, type ReportSteps, type ResultReporterOptions } from "../../src/host/worker/result-reporter.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

function reportOf(stepUuid: string): StepReport {
  return { stepUuid, epoch: 1, success: true, retryable: false, retryAfterMs: undefined, resultJson: "{}" };
}

function recorded(reports: readonly StepReport[]): readonly StepVerdict[] {
  return reports.map(({ stepUuid }) => ({ stepUuid, verdict: "recorded" }));
}

function setup(reportSteps: ReportSteps, options: Partial<ResultReporterOptions> = {}): ResultReporter {
  return new ResultReporter({
    reportSteps,
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    metrics: new Metrics(),
    maxBatchSize: options.maxBatchSize ?? 100,
    flushIntervalMs: 1,
    persistenceTimeoutMs: options.persistenceTimeoutMs ?? 1_000,
    giveUp: options.giveUp ?? (() => Promise.resolve()),
    reachable: options.reachable ?? (() => true),
  });
}

describe("ResultReporter", () => {
  it("reports results that come together in one batch, and no batch larger than allowed", async () => {
    const sizes: number[] = [];
    await using reporter = setup(
      (reports) => {
        sizes.push(reports.length);
        return Promise.resolve(recorded(reports));
      },
      { maxBatchSize: 3 },
    );
    await reporter.start();
    const verdicts = await Promise.all(["a", "b", "c", "d", "e"].map((step) => reporter.submit("ns", reportOf(step))));
    expect(verdicts.map((verdict) => verdict?.verdict)).toEqual(Array.from({ length: 5 }, () => "recorded"));
    expect(sizes).toEqual([3, 2]);
  });

  it("keeps a batch while Postgres is away, says so, and reports it when Postgres is back", async () => {
    let away = true;
    const stalled: boolean[] = [];
    await using reporter = setup((reports) => {
      stalled.push(reporter.stalled);
      if (!away) return Promise.resolve(recorded(reports));
      away = stalled.length < 3;
      return Promise.reject(new Error("connection refused"));
    });
    await reporter.start();
    expect((await reporter.submit("ns", reportOf("a")))?.verdict).toBe("recorded");
    expect(stalled).toEqual([false, true, true, true]);
    expect(reporter.stalled).toBe(false);
  });

  it("gives up alone the one result whose statement Postgres refuses for good, and holds up no other", async () => {
    const refusal = Object.assign(new pg.DatabaseError("no such function", 0, "error"), { code: "42883" });
    const sizes: number[] = [];
    const givenUp: string[] = [];
    const giveUp = ({ stepUuid }: StepReport): Promise<void> => {
      givenUp.push(stepUuid);
      return Promise.resolve();
    };
    await using reporter = setup(
      (reports) => {
        sizes.push(reports.length);
        const bad = reports.some(({ stepUuid }) => stepUuid === "bad");
        return bad ? Promise.reject(refusal) : Promise.resolve(recorded(reports));
      },
      { giveUp },
    );
    await reporter.start();
    const verdicts = await Promise.all(["a", "bad", "b", "c"].map((step) => reporter.submit("ns", reportOf(step))));
    expect(verdicts.map((verdict) => verdict?.verdict)).toEqual(["recorded", undefined, "recorded", "recorded"]);
    expect(sizes).toEqual([4, 2, 1, 1, 2]);
    expect(givenUp).toEqual(["bad"]);
    expect(reporter.stalled).toBe(false);
  });

  it.each(["53100", "57014", "40001"])("keeps a result through %s, which passes", async (code) => {
    const passing = Object.assign(new pg.DatabaseError("later", 0, "error"), { code });
    let tries = 0;
    await using reporter = setup((reports) => {
      tries += 1;
      return tries < 3 ? Promise.reject(passing) : Promise.resolve(recorded(reports));
    });
    await reporter.start();
    expect((await reporter.submit("ns", reportOf("a")))?.verdict).toBe("recorded");
  });

  it("keeps the slot of a result that it gives up until the offer is answered", async () => {
    const refusal = Object.assign(new pg.DatabaseError("no such function", 0, "error"), { code: "42883" });
    let offers = 0;
    await using reporter = setup(() => Promise.reject(refusal), {
      giveUp: () => {
        offers += 1;
        return offers < 3 ? Promise.reject(new Error("Postgres is away")) : Promise.resolve();
      },
    });
    await reporter.start();
    expect(await reporter.submit("ns", reportOf("a"))).toBeUndefined();
    expect(offers).toBe(3);
  });

  it("puts a result aside that waits for a row which somebody holds, holds it, and goes on with the others", async () => {
    const slow = new TaskerError("TSK_DATABASE_TIMEOUT", { attempted: "Cannot report", found: "lock timeout" });
    const clock = new ManualClock();
    const batches: (readonly string[])[] = [];
    let locked = true;
    const reporter = setup(
      (reports) => {
        const steps = reports.map(({ stepUuid }) => stepUuid);
        batches.push(steps);
        return locked && steps.includes("held") ? Promise.reject(slow) : Promise.resolve(recorded(reports));
      },
      { clock },
    );
    const pass = async (turns: number): Promise<void> => {
      for (let turn = 0; turn < turns; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(500);
      }
    };
    await reporter.start();
    const verdicts = ["a", "held", "b", "c"].map((step) => reporter.submit("ns", reportOf(step)));
    await pass(10);
    expect(await Promise.all([verdicts[0], verdicts[2], verdicts[3]])).toMatchObject([
      { verdict: "recorded" },
      { verdict: "recorded" },
      { verdict: "recorded" },
    ]);
    expect({ stalled: reporter.stalled, waiting: reporter.waiting }).toEqual({ stalled: false, waiting: 1 });
    expect(batches.slice(3, 7)).toEqual([["a", "held"], ["a"], ["held"], ["b", "c"]]);
    batches.length = 0;
    await pass(20);
    const next = reporter.submit("ns", reportOf("d"));
    await pass(10);
    expect((await next)?.verdict).toBe("recorded");
    // Alone from then on, and less and less often.
    expect(batches.length).toBeLessThan(8);
    expect(batches.every((steps) => steps.length === 1)).toBe(true);
    locked = false;
    await pass(100);
    expect((await verdicts[1])?.verdict).toBe("recorded");
    await reporter.stop();
  });

  it("takes what was put aside along when it stops", async () => {
    const slow = new TaskerError("TSK_DATABASE_TIMEOUT", { attempted: "Cannot report", found: "lock timeout" });
    let tries = 0;
    const putAside = Promise.withResolvers<void>();
    const reporter = setup((reports) => {
      tries += 1;
      if (tries === 3) putAside.resolve();
      return tries < 5 ? Promise.reject(slow) : Promise.resolve(recorded(reports));
    });
    await reporter.start();
    const verdict = reporter.submit("ns", reportOf("a"));
    await putAside.promise;
    await reporter.stop();
    expect((await verdict)?.verdict).toBe("recorded");
  });

  it("blames no single result while the database is away", async () => {
    const slow = new TaskerError("TSK_DATABASE_TIMEOUT", { attempted: "Cannot report", found: "statement timeout" });
    const sizes: number[] = [];
    await using reporter = setup(
      (reports) => {
        sizes.push(reports.length);
        return sizes.length < 5 ? Promise.reject(slow) : Promise.resolve(recorded(reports));
      },
      { reachable: () => false },
    );
    await reporter.start();
    await Promise.all([reporter.submit("ns", reportOf("a")), reporter.submit("ns", reportOf("b"))]);
    expect(sizes).toEqual([2, 2, 2, 2, 2]);
  });

  it("flushes what is there when it stops", async () => {
    const reporter = setup((reports) => Promise.resolve(recorded(reports)));
    await reporter.start();
    const verdict = reporter.submit("ns", reportOf("a"));
    await reporter.stop();
    expect((await verdict)?.verdict).toBe("recorded");
    await reporter.stop();
  });

  it("gives up a result at the end of a shutdown that Postgres never sees: its lease will tell", async () => {
    const reporter = setup(() => Promise.reject(new Error("connection refused")), { persistenceTimeoutMs: 0 });
    await reporter.start();
    const verdict = reporter.submit("ns", reportOf("a"));
    await reporter.stop();
    expect(await verdict).toBeUndefined();
  });

  it("settles what is submitted after it has stopped: nobody waits for a verdict that will not come", async () => {
    const reporter = setup((reports) => Promise.resolve(recorded(reports)));
    await reporter.start();
    await reporter.stop();
    expect(await reporter.submit("ns", reportOf("late"))).toBeUndefined();
    expect(reporter.waiting).toBe(0);
  });

  it("says that it is full before large results fill the memory, and sends them in statements of bounded size", async () => {
    const gate = Promise.withResolvers<void>();
    const sizes: number[] = [];
    await using reporter = setup(async (reports) => {
      await gate.promise;
      sizes.push(reports.length);
      return recorded(reports);
    });
    await reporter.start();
    const resultJson = `"${"x".repeat(3 * 1_024 * 1_024)}"`;
    const verdicts = Array.from({ length: 21 }, (_, n) => reporter.submit("ns", { ...reportOf(`${n}`), resultJson }));
    expect(reporter.full).toBe(false);
    verdicts.push(reporter.submit("ns", { ...reportOf("last"), resultJson }));
    expect(reporter.full).toBe(true);
    gate.resolve();
    await Promise.all(verdicts);
    expect(Math.max(...sizes)).toBe(2);
    expect(reporter.full).toBe(false);
  });
});
