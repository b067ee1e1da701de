import { MAX_FUEL, type PrepareLimits, type RunLimits } from "../../src/runtime/limits.ts";
import type { StepContext } from "../../src/runtime/step-context.ts";

/** Wide enough for one instance to be called for minutes. */
export const BENCH_LIMITS: RunLimits = {
  fuel: MAX_FUEL,
  maxMemoryBytes: 1_073_741_824,
  maxCallDepth: 2_500,
  timeoutMs: 600_000,
  maxResultBytes: 1_048_576,
  maxErrorBytes: 65_536,
  maxLogBytes: 1_048_576,
  maxHostCalls: Number.MAX_SAFE_INTEGER,
};

/** As they stand in `config/base/sandbox.toml`; the call depth fits the stack that `node` has by itself. */
export const STEP_LIMITS: RunLimits = {
  fuel: 10_000_000_000,
  maxMemoryBytes: 134_217_728,
  maxCallDepth: 2_500,
  timeoutMs: 30_000,
  maxResultBytes: 1_048_576,
  maxErrorBytes: 65_536,
  maxLogBytes: 262_144,
  maxHostCalls: 10_000,
};

export const BENCH_PREPARE_LIMITS: PrepareLimits = {
  maxComponentBytes: 33_554_432,
  timeoutMs: 120_000,
  maxResidentBytes: 2_147_483_648,
  describeFuel: 1_000_000_000,
  describeMemoryBytes: 134_217_728,
};

const STEP: StepContext = {
  taskUuid: "0199aaaa-0000-7000-8000-000000000001",
  stepUuid: "0199aaaa-0000-7000-8000-000000000002",
  correlationId: "0199aaaa-0000-7000-8000-000000000003",
  namespace: "bench",
  taskName: "bench",
  taskVersion: "1.0.0",
  stepName: "bench",
  templateStepName: "bench",
  callable: "",
  attempt: 1,
  maxAttempts: 3,
  nowMs: 1_764_000_000_000,
  deadlineMs: 1_764_000_030_000,
  seed: "42",
  contextJson: "{}",
  inputsJson: "{}",
  configJson: "{}",
  dependencyResults: [],
  attributes: [],
};

/** A step that calls `callable`. */
export function stepOf(callable: string, given: Partial<StepContext> = {}): StepContext {
  return { ...STEP, callable, ...given };
}

const ORDER = JSON.stringify({
  order_id: "A-1001",
  customer: {
    email: "ada@example.com",
    address: { street: "12 Analytical Row", city: "London", postal_code: "N1 9GU" },
  },
  items: [
    { sku: "KEYBOARD", quantity: 2, unit_price_cents: 4_900 },
    { sku: "MOUSE", quantity: 3, unit_price_cents: 1_999 },
  ],
  payment: { method: "card", simulate: "ok" },
});

const VALIDATED = {
  stepName: "validate_order",
  resultJson: JSON.stringify({
    order_id: "A-1001",
    lines: [
      { sku: "KEYBOARD", quantity: 2, line_total_cents: 9_800 },
      { sku: "MOUSE", quantity: 3, line_total_cents: 5_997 },
    ],
    total_cents: 15_797,
  }),
};
const RESERVED = {
  stepName: "reserve_inventory",
  resultJson: JSON.stringify({
    reservation_id: "reservation-A-1001",
    reserved: [
      { sku: "KEYBOARD", quantity: 2, left_in_stock: 38 },
      { sku: "MOUSE", quantity: 3, left_in_stock: 117 },
    ],
  }),
};
const PAID = {
  stepName: "process_payment",
  resultJson: JSON.stringify({ transaction_id: "payment-A-1001-1", charged_cents: 15_797, attempt: 1 }),
};

/** One order through the four handlers of order_fulfillment. */
export const ORDER_STEPS: readonly StepContext[] = [
  stepOf("order.validate", { contextJson: ORDER, inputsJson: ORDER }),
  stepOf("order.reserve", { contextJson: ORDER, inputsJson: ORDER, dependencyResults: [VALIDATED] }),
  stepOf("order.pay", { contextJson: ORDER, inputsJson: ORDER, dependencyResults: [VALIDATED, RESERVED] }),
  stepOf("order.ship", { contextJson: ORDER, inputsJson: ORDER, dependencyResults: [VALIDATED, RESERVED, PAID] }),
];
