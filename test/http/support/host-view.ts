import type { HostView } from "../../../src/host/http/host-view.ts";
import type { SystemOperationalState } from "../../../src/host/worker/coordinator.ts";

/** A host's view of itself whose state the test sets; the API takes it as a value, whoever runs the host. */
export interface TestHostView extends HostView {
  currentState: SystemOperationalState;
  currentTrouble: string | undefined;
}

export function testHostView(): TestHostView {
  return {
    currentState: "normal",
    currentTrouble: undefined,
    workerId: "worker_0199f0e2-0000-7000-8000-000000000001",
    version: "0.1.0",
    environment: "test",
    orchestration: "embedded",
    isolation: "inline",
    startedAtMs: 0,
    state() {
      return this.currentState;
    },
    namespaces: () => [{ namespace: "flows", slots: 4, active: 1, queueDepth: 7, stepsPerSecond: 12.5, slow: false }],
    walls: () => [{ wall: "own uid", stands: false, detail: "the host is not root" }],
    components: () => [
      { namespace: "flows", name: "math", version: "1.0.0", digest: "ab".repeat(32), callables: ["square"] },
    ],
    templates: () => [{ namespace: "flows", name: "diamond", version: "1.0.0", steps: 4 }],
    problems: () => [
      { subject: "flows/broken.yaml", namespace: "flows", code: "TSK_TEMPLATE_INVALID", message: "no steps" },
      { subject: "component abc", namespace: undefined, code: "TSK_COMPONENT_UNKNOWN", message: "nobody has it" },
    ],
    database: () => ({
      kind: "embedded",
      serverVersion: "18.4",
      pgmq: "own",
      poolSize: 3,
      poolIdle: 2,
      poolWaiting: 0,
    }),
    trouble() {
      return this.currentTrouble;
    },
  };
}
