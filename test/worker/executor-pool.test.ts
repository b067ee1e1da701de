import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { Metrics } from "../../src/host/observability/metrics.ts";
import { type ExecutorPoolOptions, WorkerExecutorPool } from "../../src/host/worker/executor-pool.ts";
import { StepCapacity } from "../../src/host/worker/step-capacity.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";
import { claimedStep as step } from "./support/claimed-step.ts";

/** A pool over a queue in memory; `asked` holds the quantity of each claim, steps run until `finish` is called. */
function setup(options: Partial<ExecutorPoolOptions> & { readonly queue?: number } = {}) {
  const asked: number[] = [];
  const running = new Map<string, () => void>();
  let left = options.queue ?? 0;
  let claimed = Promise.withResolvers<void>();
  const pool = new WorkerExecutorPool({
    namespace: "ns",
    claim: (_namespace, quantity) => {
      asked.push(quantity);
      const taken = Math.min(quantity, left);
      const steps = Array.from({ length: taken }, (_, index) => step(`${left - index}`));
      left -= taken;
      claimed.resolve();
      return Promise.resolve(steps);
    },
    execute: ({ stepUuid }) => new Promise((resolve) => running.set(stepUuid, resolve)),
    paused: () => false,
    capacity: new StepCapacity(100),
    clock: new ManualClock(),
    logger: silentLogger,
    metrics: new Metrics(),
    initialSlots: 4,
    maxSlots: 8,
    maxBatchSize: 3,
    pollIntervalMs: 250,
    ...options,
  });
  return {
    pool,
    asked,
    running,
    /** Resolves at the next claim. */
    nextClaim: () => {
      claimed = Promise.withResolvers<void>();
      return claimed.promise;
    },
    add: (steps: number) => {
      left += steps;
    },
    finish: () => {
      for (const [stepUuid, done] of running) {
        running.delete(stepUuid);
        done();
      }
    },
  };
}

describe("WorkerExecutorPool", () => {
  it("claims what it has slots for, in batches, and no more", async () => {
    const { pool, asked, running, finish } = setup({ queue: 10 });
    await pool.start();
    await expect.poll(() => running.size).toBe(4);
    expect(asked).toEqual([3, 1]);
    expect(pool.free).toBe(0);
    await pool.stop();
    finish();
    await pool.idle();
    expect(pool.completed).toBe(4);
  });

  it("looks into the queue at once when it is woken", async () => {
    const { pool, asked, running, nextClaim, add, finish } = setup();
    const first = nextClaim();
    await pool.start();
    await first;
    add(1);
    const second = nextClaim();
    pool.wake();
    await second;
    await expect.poll(() => running.size).toBe(1);
    expect(asked).toHaveLength(2);
    await pool.stop();
    finish();
  });

  it("claims nothing while it is paused, or while other namespaces use the host's whole capacity", async () => {
    const capacity = new StepCapacity(5);
    capacity.reserve({ wake: () => undefined }, 5);
    const full = setup({ queue: 1, capacity });
    const paused = setup({ queue: 1, paused: () => true });
    await full.pool.start();
    await paused.pool.start();
    await full.pool.stop();
    await paused.pool.stop();
    expect([...full.asked, ...paused.asked]).toEqual([]);
  });

  it("goes on after a claim that failed", async () => {
    let failures = 0;
    const failed = Promise.withResolvers<void>();
    const { pool } = setup({
      claim: () => {
        failures += 1;
        if (failures === 2) failed.resolve();
        return Promise.reject(new Error("Postgres is away"));
      },
    });
    await pool.start();
    pool.wake();
    await failed.promise;
    await pool.stop();
    expect(failures).toBeGreaterThanOrEqual(2);
  });

  it("makes slots for steps that it takes over, up to its largest size, and says how much room that is", async () => {
    const { pool, running, finish } = setup();
    await pool.start();
    expect({ free: pool.free, room: pool.room }).toEqual({ free: 4, room: 8 });
    for (let n = 0; n < 6; n += 1) pool.adopt(step(`taken ${n}`));
    expect({ slots: pool.slots, free: pool.free, room: pool.room }).toEqual({ slots: 6, free: 0, room: 2 });
    expect(running.size).toBe(6);
    await pool.stop();
    finish();
  });

  it("waits longer from failed claim to failed claim, not longer than two seconds, and tells how long one is under way", async () => {
    const clock = new ManualClock();
    let claims = 0;
    const { pool } = setup({
      clock,
      claim: () => {
        claims += 1;
        expect(pool.claimingSinceMs).toBe(clock.now());
        return Promise.reject(new Error("Postgres is away"));
      },
    });
    await pool.start();
    const claimsAfter = async (ms: number): Promise<number> => {
      clock.advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
      return claims;
    };
    expect(await claimsAfter(0)).toBe(1);
    expect(pool.claimingSinceMs).toBeUndefined();
    expect([await claimsAfter(249), await claimsAfter(1)]).toEqual([1, 2]);
    expect([await claimsAfter(499), await claimsAfter(1)]).toEqual([2, 3]);
    for (let n = 0; n < 5; n += 1) await claimsAfter(2_000);
    const before = claims;
    expect([await claimsAfter(1_999), await claimsAfter(1)]).toEqual([before, before + 1]);
    await pool.stop();
  });

  it("never runs more than the host may, however many namespaces claim at the same time", async () => {
    const capacity = new StepCapacity(6);
    const clock = new ManualClock();
    const pools = Array.from({ length: 3 }, () => setup({ queue: 100, capacity, maxBatchSize: 4, clock }));
    for (const { pool } of pools) await pool.start();
    const running = (): readonly number[] => pools.map((each) => each.running.size);
    await expect.poll(() => running().reduce((sum, n) => sum + n)).toBe(6);
    expect(Math.max(...running())).toBeLessThanOrEqual(4);
    const most: number[] = [];
    const seen = new Set<number>();
    for (let round = 0; round < 20; round += 1) {
      for (const { finish } of pools) finish();
      clock.advance(2);
      await new Promise((resolve) => setImmediate(resolve));
      most.push(running().reduce((sum, n) => sum + n));
      for (const [index, n] of running().entries()) if (n > 0) seen.add(index);
    }
    expect(Math.max(...most)).toBeLessThanOrEqual(6);
    expect(seen.size).toBe(3);
    await Promise.all(pools.map(({ pool }) => pool.stop()));
  });
});
