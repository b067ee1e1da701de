import { describe, expect, it } from "vitest";
import { StepCapacity } from "../../src/host/worker/step-capacity.ts";

function taker(name: string, woken: string[] = []): { wake(): void } {
  return { wake: () => woken.push(name) };
}

describe("StepCapacity", () => {
  it("gives out no more than there is", () => {
    const capacity = new StepCapacity(3);
    const one = taker("one");
    const other = taker("other");
    expect([capacity.reserve(one, 2), capacity.reserve(other, 5), capacity.reserve(one, 1)]).toEqual([2, 1, 0]);
    capacity.release(one, 2);
    expect(capacity.available(other)).toBe(1);
  });

  it("keeps a slot for each namespace that uses none, while they are few", () => {
    const few = new StepCapacity(8);
    const many = new StepCapacity(2);
    const busy = taker("busy");
    for (const capacity of [few, many]) for (const each of [busy, taker("idle")]) capacity.add(each);
    expect(few.reserve(busy, 100)).toBe(7);
    expect(many.reserve(busy, 100)).toBe(2);
  });

  it("wakes who found nothing in turn, and gives them the first slots before others", () => {
    const woken: string[] = [];
    const capacity = new StepCapacity(4);
    const [busy, second, third] = [taker("busy", woken), taker("second", woken), taker("third", woken)];
    expect(capacity.reserve(busy, 4)).toBe(4);
    expect([capacity.reserve(second, 2), capacity.reserve(third, 2)]).toEqual([0, 0]);
    capacity.release(busy, 1);
    expect(woken).toEqual(["second"]);
    expect([capacity.reserve(busy, 1), capacity.reserve(third, 1), capacity.reserve(second, 1)]).toEqual([0, 0, 1]);
    capacity.release(busy, 2);
    expect(woken).toEqual(["second", "third", "busy"]);
    expect([capacity.reserve(busy, 2), capacity.reserve(third, 2)]).toEqual([1, 1]);
  });
});
