import type { StepRun } from "../domain/step-run.ts";
import { type Difference, differencesOf } from "./differences.ts";
import type { Expectation, Fixture } from "./fixture.ts";
import { outcomeValue } from "./outcome-value.ts";
import type { AuthorsSandbox, SandboxedHandler } from "./sandboxed-handler.ts";

/** A fixture that was run. It passes where it expects something and nothing differs from that. */
export interface FixtureRun {
  readonly fixture: Fixture;
  readonly report: StepRun;
  readonly passed: boolean;
  /** What differs from the expectation, the kind of outcome first, then its members, the logs, the fuel. */
  readonly differences: readonly Difference[];
}

/** Runs a fixture and holds the outcome against what it expects. */
export async function runFixture(
  fixture: Fixture,
  handler: SandboxedHandler,
  sandbox: AuthorsSandbox,
): Promise<FixtureRun> {
  const report = await sandbox.run(handler, fixture.step);
  const differences = fixture.expect === undefined ? [] : differencesFrom(fixture.expect, report);
  return { fixture, report, differences, passed: fixture.expect !== undefined && differences.length === 0 };
}

function differencesFrom(expect: Expectation, report: StepRun): readonly Difference[] {
  const actual = outcomeValue(report.outcome);
  const differences = differencesOf(expect.outcome, actual);
  // Of another kind of outcome nothing else can be as expected.
  const kind = differences.filter(({ path }) => path === "outcome");
  const fuel = expect.fuel === undefined ? [] : differencesOf({ fuel: expect.fuel }, { fuel: report.usage.fuelUsed });
  return [...(kind.length > 0 ? kind : differences), ...logDifferences(expect, report), ...fuel];
}

/** The first expected line that the log does not hold behind the ones before it. */
function logDifferences({ logs = [] }: Expectation, report: StepRun): readonly Difference[] {
  let at = 0;
  for (const [index, { level, message }] of logs.entries()) {
    const found = report.logs.findIndex(
      (line, place) => place >= at && line.message === message && (level === undefined || line.level === level),
    );
    if (found === -1) {
      const expected = level === undefined ? { message } : { level, message };
      const rest = report.logs.slice(at).map((line) => ({ level: line.level, message: line.message }));
      return [{ path: `logs[${index}]`, keys: ["logs", index], expected, actual: rest }];
    }
    at = found + 1;
  }
  return [];
}
