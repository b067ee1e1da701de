import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import type { PruneBefore, PrunedRows } from "../../src/host/database/prune.ts";
import {
  prunableBefore,
  prunesAnything,
  RetentionLoop,
  type RetentionTimes,
} from "../../src/host/orchestration/retention-loop.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

const FOR_EVER: RetentionTimes = { finishedTasksMs: 0, queueArchivesMs: 0, leaseHistoryMs: 0, auditMs: 0 };
const NOTHING: PrunedRows = { tasks: 0, steps: 0, archivedMessages: 0, leases: 0, sessions: 0, auditEntries: 0 };

/** Lets what follows from a clock's advance happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("RetentionLoop", () => {
  it("prunes when it starts and after each interval, by the time that it is then, also after a failure", async () => {
    const clock = new ManualClock();
    const calls: PruneBefore[] = [];
    await using loop = new RetentionLoop({
      times: { ...FOR_EVER, finishedTasksMs: 1_000, auditMs: 5_000 },
      intervalMs: 60_000,
      prune: async (before) => {
        calls.push(before);
        if (calls.length === 1) throw new Error("the database is away");
        return NOTHING;
      },
      clock,
      logger: silentLogger,
    });
    const startMs = clock.now();
    await loop.start();
    await loop.start();
    await turn();
    for (let n = 0; n < 2; n += 1) {
      clock.advance(59_999);
      await turn();
      expect(calls).toHaveLength(n + 1);
      clock.advance(1);
      await turn();
    }
    expect(calls).toEqual(
      [0, 60_000, 120_000].map((ms) => ({
        tasksMs: startMs + ms - 1_000,
        archivesMs: undefined,
        leasesMs: undefined,
        auditMs: startMs + ms - 5_000,
      })),
    );
  });

  it("tells the work under way to end, waits for it, and begins no other", async () => {
    const clock = new ManualClock();
    const started = Promise.withResolvers<AbortSignal>();
    let calls = 0;
    const loop = new RetentionLoop({
      times: { ...FOR_EVER, leaseHistoryMs: 1 },
      intervalMs: 1,
      prune: async (_before, signal) => {
        calls += 1;
        started.resolve(signal);
        await clock.wait(1_000_000, signal);
        return NOTHING;
      },
      clock,
      logger: silentLogger,
    });
    await loop.start();
    const signal = await started.promise;
    expect(signal.aborted).toBe(false);
    await loop.stop();
    expect(signal.aborted).toBe(true);
    clock.advance(10);
    await turn();
    expect(calls).toBe(1);
  });
});

it("prunesAnything() and prunableBefore() leave alone what is kept for ever", () => {
  expect(prunesAnything(FOR_EVER)).toBe(false);
  expect(prunesAnything({ ...FOR_EVER, queueArchivesMs: 1 })).toBe(true);
  expect(prunableBefore(FOR_EVER, 1_000)).toEqual({
    tasksMs: undefined,
    archivesMs: undefined,
    leasesMs: undefined,
    auditMs: undefined,
  });
});
