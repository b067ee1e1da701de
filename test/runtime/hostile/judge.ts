/** What a verdict has to be, for the test and for `npm run attack`. */
import { isDeepStrictEqual } from "node:util";
import type { WallName } from "../../../src/runtime/process/walls.ts";
import type { Verdict } from "./attack.ts";
import type { HostileCase } from "./hostile-case.ts";

/** The walls that the case is about where this machine can raise none of them; one of several is enough. */
export function missingWall(attacker: HostileCase, standing: ReadonlySet<WallName>): string | undefined {
  if (attacker.kind !== "planted") return undefined;
  // With neither, children could change their code, so it is checked before each start and nothing can be planted by a test.
  const wanted: readonly (readonly WallName[])[] = [["own-root", "own-uid"], attacker.needs ?? []];
  return wanted.find((names) => names.length > 0 && !names.some((name) => standing.has(name)))?.join(" or ");
}

/** The members of the verdict that the case speaks of. */
export function told(attacker: HostileCase, { ended, stage }: Verdict): unknown {
  if (attacker.kind !== "step" || typeof ended === "string") return { ended, stage };
  const names = Object.keys(attacker.outcome);
  return { ended: Object.fromEntries(Object.entries(ended).filter(([name]) => names.includes(name))), stage };
}

export function expected(attacker: HostileCase): unknown {
  switch (attacker.kind) {
    case "upload":
      return { ended: attacker.code ?? "artifact", stage: attacker.stage };
    case "step":
      return { ended: attacker.outcome, stage: attacker.stage };
    case "planted":
      return { ended: attacker.ends, stage: "planted" };
    default:
      return attacker satisfies never;
  }
}

/** What the case may cost its sandbox process. */
export function maxCpuMs(attacker: HostileCase): number {
  return (attacker.kind === "step" ? attacker.maxCpuMs : undefined) ?? Number.POSITIVE_INFINITY;
}

export function agrees(attacker: HostileCase, verdict: Verdict): boolean {
  return isDeepStrictEqual(told(attacker, verdict), expected(attacker)) && verdict.sandboxCpuMs <= maxCpuMs(attacker);
}
