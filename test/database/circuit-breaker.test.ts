import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { CircuitBreaker, type CircuitState } from "../../src/host/database/circuit-breaker.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

function setup(probe: () => Promise<void>) {
  const clock = new ManualClock();
  const circuit = new CircuitBreaker({ probe, clock, logger: silentLogger });
  const states: CircuitState[] = [];
  circuit.onChange((state) => states.push(state));
  /** Lets the longest wait pass, and what follows from it happen. */
  const pass = async (): Promise<void> => {
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { circuit, states, pass };
}

describe("CircuitBreaker", () => {
  it("opens after failures one after the other, not after some in between", async () => {
    const { circuit } = setup(() => Promise.reject(new Error("away")));
    for (let n = 0; n < 10; n += 1) {
      circuit.failed("refused");
      circuit.failed("refused");
      circuit.succeeded();
    }
    expect(circuit.state).toBe("closed");
    for (let n = 0; n < 3; n += 1) circuit.failed("refused");
    expect(circuit.state).toBe("open");
    expect(circuit.reason).toBe("refused");
    await circuit.stop();
  });

  it("asks one question at a time, and closes at the first answer", async () => {
    const answers = [false, false, true];
    let underWay = 0;
    const { circuit, states, pass } = setup(async () => {
      underWay += 1;
      expect(underWay).toBe(1);
      await Promise.resolve();
      underWay -= 1;
      if (answers.shift() !== true) throw new Error("away");
    });
    circuit.open("no answer");
    circuit.open("again");
    expect(circuit.reason).toBe("no answer");
    for (let n = 0; n < 3; n += 1) await pass();
    expect(states).toEqual(["open", "half-open", "open", "half-open", "open", "half-open", "closed"]);
    // Failures from before count no more.
    circuit.failed("late");
    circuit.failed("late");
    expect(circuit.state).toBe("closed");
  });

  it("stops while it is open", async () => {
    const { circuit, states } = setup(() => Promise.reject(new Error("away")));
    circuit.open("no answer");
    await circuit.stop();
    expect(states).toEqual(["open"]);
    circuit.open("again");
    expect(states).toEqual(["open"]);
  });
});
