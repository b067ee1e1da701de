import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { HostSession } from "../../src/host/worker/host-session.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

function setup(
  heartbeat: () => Promise<boolean>,
  onBeat: () => Promise<void> = () => Promise.resolve(),
  moveLeases: (from: string, to: string) => Promise<void> = () => Promise.resolve(),
) {
  const clock = new ManualClock();
  const opened: string[] = [];
  const closed: string[] = [];
  let beat = Promise.withResolvers<void>();
  const session = new HostSession({
    store: {
      openSession: (id) => {
        opened.push(id);
        return Promise.resolve();
      },
      heartbeat,
      closeSession: (id) => {
        closed.push(id);
        return Promise.resolve();
      },
      moveLeases,
    },
    clock,
    logger: silentLogger,
    heartbeatIntervalMs: 1_000,
    persistenceTimeoutMs: 0,
    onBeat: () => {
      beat.resolve();
      return onBeat();
    },
  });
  return {
    session,
    opened,
    closed,
    advance: async () => {
      // The loop waits on the clock again once the beat before has been answered.
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1_000);
    },
    nextBeat: async () => {
      beat = Promise.withResolvers<void>();
      clock.advance(1_000);
      await beat.promise;
    },
  };
}

describe("HostSession", () => {
  it("opens, beats at the interval, and closes", async () => {
    const { session, opened, closed, nextBeat } = setup(() => Promise.resolve(true));
    await session.start();
    await nextBeat();
    expect(opened).toEqual([session.id]);
    await session.stop();
    expect(closed).toEqual([session.id]);
  });

  it("goes on beating while a take-over is slow, and starts no second one beside it", async () => {
    const slow = Promise.withResolvers<void>();
    let beats = 0;
    let takeOvers = 0;
    const { session, nextBeat, advance } = setup(
      () => {
        beats += 1;
        return Promise.resolve(true);
      },
      () => {
        takeOvers += 1;
        return slow.promise;
      },
    );
    await session.start();
    await nextBeat();
    await advance();
    await expect.poll(() => beats).toBe(2);
    expect(takeOvers).toBe(1);
    slow.resolve();
    await session.stop();
  });

  it("opens a new session where the database has declared it dead, and never revives the old one", async () => {
    const { session, opened, closed, nextBeat } = setup(() => Promise.resolve(false));
    await session.start();
    const first = session.id;
    await nextBeat();
    expect(session.id).not.toBe(first);
    expect(opened).toEqual([first, session.id]);
    await session.stop();
    expect(closed).toEqual([session.id]);
  });

  it("moves what it holds to the new session before it looks for steps to take over, however often that fails", async () => {
    const seen: string[] = [];
    let alive = false;
    const { session, opened, advance } = setup(
      () => {
        const answer = alive;
        alive = true;
        return Promise.resolve(answer);
      },
      () => {
        seen.push(`take over ${session.settled}`);
        return Promise.resolve();
      },
      (from, to) => {
        seen.push(`move ${opened.indexOf(from)} to ${opened.indexOf(to)}, ${session.settled}`);
        return seen.length < 3 ? Promise.reject(new Error("Postgres is away")) : Promise.resolve();
      },
    );
    await session.start();
    for (let beats = 0; beats < 3; beats += 1) await advance();
    await expect.poll(() => seen).toHaveLength(4);
    expect(seen).toEqual([...Array.from({ length: 3 }, () => "move 0 to 1, false"), "take over true"]);
    await session.stop();
  });

  it("beats at once when it is told that the database is back", async () => {
    let beats = 0;
    const { session } = setup(() => {
      beats += 1;
      return Promise.resolve(true);
    });
    await session.start();
    session.beat();
    await expect.poll(() => beats).toBe(1);
    await session.stop();
  });
});
