import { describe, expect, it } from "vitest";
import { nearestName } from "../../src/host/domain/nearest-name.ts";

describe("`nearestName()`", () => {
  it.each([
    ["validte", "validate"],
    ["vaildate", "validate"],
    ["Validate", "validate"],
    ["ship", "ship_"],
  ])("takes %s for a misspelling of %s", (name, meant) => {
    expect(nearestName(name, ["reserve_inventory", meant, "process_payment"])).toBe(meant);
  });

  it("does not guess where nothing is near", () => {
    expect(nearestName("pay", ["validate", "ship"])).toBeUndefined();
    expect(nearestName("pay", [])).toBeUndefined();
  });
});
