import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { HostSession } from "../../src/host/worker/host-session.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

function setup(heartbeat: () => Promise<boolean>) {
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
    },
    clock,
    logger: silentLogger,
    heartbeatIntervalMs: 1_000,
    onBeat: () => {
      beat.resolve();
      return Promise.resolve();
    },
  });
  return {
    session,
    opened,
    closed,
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
});
