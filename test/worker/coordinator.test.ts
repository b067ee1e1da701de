import { describe, expect, it } from "vitest";
import { type NamespaceStatus, nextSlots } from "../../src/host/worker/coordinator.ts";

const RULES = { initialSlots: 10, scaleUpThreshold: 0.8, scaleDownThreshold: 0.2 };

function status(slots: number, active: number, queueDepth: number): NamespaceStatus {
  return { namespace: "ns", slots, active, queueDepth, stepsPerSecond: 0 };
}

describe("nextSlots()", () => {
  it.each([
    ["doubles a busy pool with a backlog", status(10, 8, 1), 20],
    ["leaves a busy pool without a backlog", status(10, 10, 0), 10],
    ["leaves a pool with a backlog and free slots", status(10, 7, 50), 10],
    ["halves an idle pool without a backlog", status(40, 8, 0), 20],
    ["never goes below the initial size", status(15, 0, 0), 10],
    ["leaves an idle pool at its initial size", status(10, 0, 0), 10],
  ])("%s", (_name, seen, slots) => {
    expect(nextSlots(seen, RULES)).toBe(slots);
  });
});
