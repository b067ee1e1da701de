/** A capability that fails by itself: the host's fault, told apart from everything that a guest can do. */
import { describe, expect, it } from "vitest";
import { compileComponent } from "../../../src/runtime/execute/compiled-component.ts";
import { MemoryPool } from "../../../src/runtime/execute/memory-pool.ts";
import { runStep } from "../../../src/runtime/execute/run-step.ts";
import type { Outcome } from "../../../src/runtime/index.ts";
import { CONTEXT, LIMITS, prepareHere } from "../support/runs.ts";
import { EMPTY_SUCCESS, IMPORT_LOG, type WatGuest, watComponent } from "../support/wat-component.ts";

/** Runs a guest whose every capability fails with `error`. */
async function runWithFailing(guest: WatGuest, error: Error): Promise<Outcome> {
  const compiled = compileComponent(await prepareHere(await watComponent(guest)));
  const answer = (): never => {
    throw error;
  };
  const component = {
    ...compiled,
    trampolines: compiled.trampolines.map((each) => (each.kind === "host" ? { ...each, answer } : each)),
  };
  return runStep({ component, context: CONTEXT, limits: LIMITS, sourceMap: undefined }, new MemoryPool(0)).outcome;
}

const LOG = `(call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`;
const FAILED = { kind: "host-call-failed", capability: "tasker:handler/log", message: "Error: the disk is full" };

describe("a capability that fails", () => {
  it("ends the run as `host-call-failed`, with the capability's name", async () => {
    const guest = { imports: IMPORT_LOG, handle: `${LOG} ${EMPTY_SUCCESS}` };
    expect(await runWithFailing(guest, new Error("the disk is full"))).toEqual(FAILED);
  });

  it("ends it so where the guest catches it and returns a success", async () => {
    const handle = `(block $caught (try_table (catch_all $caught) ${LOG})) ${EMPTY_SUCCESS}`;
    expect(await runWithFailing({ imports: IMPORT_LOG, handle }, new Error("the disk is full"))).toEqual(FAILED);
  });

  it("ends it so where the guest catches it and traps", async () => {
    const handle = `(block $caught (try_table (catch_all $caught) ${LOG})) unreachable`;
    expect(await runWithFailing({ imports: IMPORT_LOG, handle }, new Error("the disk is full"))).toEqual(FAILED);
  });

  it("does not end a run that never calls it", async () => {
    const outcome = await runWithFailing({ imports: IMPORT_LOG, handle: EMPTY_SUCCESS }, new Error("the disk is full"));
    expect(outcome.kind).toBe("success");
  });
});
