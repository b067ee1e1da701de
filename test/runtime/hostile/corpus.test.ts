/** Every case of the hostile corpus: it ends as it must, where it must, in bounded time and memory, and harms nobody after it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AttackedHost, type Verdict } from "./attack.ts";
import { CORPUS } from "./corpus.ts";
import type { HostileCase } from "./hostile-case.ts";

const MAX_GROWN_BYTES = 52_428_800;
const MAX_LATE_MS = 2_000;
const verdicts: Verdict[] = [];
let host: AttackedHost;

beforeAll(async () => {
  host = await AttackedHost.start();
});
afterAll(() => host.stop());

function expected(attacker: HostileCase): unknown {
  switch (attacker.kind) {
    case "upload":
      return attacker.code ?? "artifact";
    case "step":
      return expect.objectContaining(attacker.outcome);
    case "planted":
      return attacker.ends;
    default:
      return attacker satisfies never;
  }
}

describe.each(CORPUS)("what $tries", ({ cases }) => {
  it.each(cases.map((attacker) => [attacker.name, attacker] as const))("%s", async (_, attacker) => {
    const verdict = await host.attack(attacker);
    const { ended, stage } = verdict;
    expect({ ended, stage }).toEqual({
      ended: expected(attacker),
      stage: attacker.kind === "planted" ? "planted" : attacker.stage,
    });
    expect(verdict.lateMs).toBeLessThan(MAX_LATE_MS);
    expect(verdict.grownBytes).toBeLessThan(MAX_GROWN_BYTES);
    expect(await host.goodStep()).toBe("success");
    verdicts.push(verdict);
  });

  it("lets the next good upload pass", async () => {
    expect(await host.goodUpload()).toBe("wat");
  });
});
