import { describe, expect, it } from "vitest";
import { refuseMissingWalls } from "../../src/host/worker/required-walls.ts";
import type { Wall } from "../../src/runtime/index.ts";

const WALLS: readonly Wall[] = [
  { name: "own-uid", inForce: false, reason: "the host is not root" },
  { name: "namespaces", inForce: true, reason: "network" },
];

describe("refuseMissingWalls()", () => {
  it("refuses to start without a required wall, and says why it is missing", () => {
    expect(() => refuseMissingWalls(WALLS, ["own-uid", "namespaces"])).toThrow(
      expect.objectContaining({
        code: "TSK_SANDBOX_WALL_MISSING",
        found: '"own-uid" is missing: the host is not root',
      }),
    );
  });

  it("starts where every required wall stands, whatever else is missing", () => {
    expect(refuseMissingWalls(WALLS, ["namespaces"])).toBeUndefined();
    expect(refuseMissingWalls(WALLS, [])).toBeUndefined();
  });
});
