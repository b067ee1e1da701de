import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import { type EndedTask, HANDLERS_DIR, run, startTestHost, testDatabase } from "../support/host.ts";
import type { TestDatabase } from "../support/database.ts";
import { weatherFigures } from "./weather-figures.ts";

let database: TestDatabase;
let host: Host;

beforeAll(async () => {
  database = await testDatabase();
  host = await startTestHost({ database, handlersDir: HANDLERS_DIR });
});

afterAll(async () => {
  await host?.stop();
  await database?.close();
});

/** Each step's `result`, by step name. */
function results({ steps }: EndedTask): Record<string, unknown> {
  return Object.fromEntries(Array.from(steps.values(), ({ name, results: result }) => [name, result?.result]));
}

/** The sample order with some members changed. */
function sample(changes: object): string {
  const order = JSON.parse(readFileSync(`${HANDLERS_DIR}/commerce/samples/order_fulfillment.json`, "utf8")) as object;
  return JSON.stringify({ ...order, ...changes });
}

describe("the shipped handlers", () => {
  it("load without a problem: components, callables, templates", () => {
    expect(host.handlers.problems).toEqual([]);
    expect(host.handlers.templates.map(({ namespace, name }) => `${namespace}/${name}`).sort()).toEqual([
      "commerce/order_fulfillment",
      "math/diamond_workflow",
      "math/linear_workflow_as",
      "math/linear_workflow_ts",
      "weather/weather_report",
    ]);
  });
});

describe.each(["linear_workflow_ts", "linear_workflow_as"])("math/%s", (name) => {
  it.each([
    [6, [36, 46, 138, 69]],
    [8, [64, 74, 222, 111]],
    [10, [100, 110, 330, 165]],
  ])("turns %d into the sequence %j, one sandboxed step after the other", async (evenNumber, expected) => {
    const task = await run(host, database, `math/${name}`, JSON.stringify({ even_number: evenNumber }));
    expect(task.status).toBe("complete");
    expect(results(task)).toEqual({
      linear_step_1: { result: expected[0] },
      linear_step_2: { result: expected[1] },
      linear_step_3: { result: expected[2] },
      linear_step_4: { result: expected[3] },
    });
  });
});

describe("math/diamond_workflow", () => {
  it("joins a TypeScript and an AssemblyScript branch in one task", async () => {
    const task = await run(host, database, "math/diamond_workflow", '{"even_number": 6}');
    expect(task.status).toBe("complete");
    expect(Object.values(results(task))).toEqual(
      expect.arrayContaining([{ result: 36 }, { result: 61 }, { result: 72 }, { result: 66.5 }]),
    );
    const digests = Array.from(task.steps.values(), (step) => step.results?.metadata.custom["module_digest"]);
    expect(new Set(digests).size).toBe(2);
  });

  it("says in each result what the run cost and which module ran", async () => {
    const task = await run(host, database, "math/diamond_workflow", '{"even_number": 8}');
    for (const { results: result } of task.steps.values()) {
      expect(result?.metadata.custom).toMatchObject({
        attempt: 1,
        fuel_used: expect.any(Number),
        fuel_schedule_id: expect.stringMatching(/^[a-z0-9-]+$/),
        peak_memory_bytes: expect.any(Number),
        module_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(result?.metadata.custom["fuel_used"]).toBeGreaterThan(0);
    }
  });
});

describe("commerce/order_fulfillment", () => {
  it("validates, reserves, charges and ships, each step with the results before it", async () => {
    const context = sample({ order_id: "good", payment: { method: "card", simulate: "ok" } });
    const task = await run(host, database, "commerce/order_fulfillment", context);
    expect(task.status).toBe("complete");
    expect(results(task)).toEqual({
      validate_order: {
        order_id: "good",
        lines: [
          { sku: "KEYBOARD", quantity: 2, line_total_cents: 9_800 },
          { sku: "MOUSE", quantity: 3, line_total_cents: 5_997 },
        ],
        total_cents: 15_797,
      },
      reserve_inventory: {
        reservation_id: "reservation-good",
        reserved: [
          { sku: "KEYBOARD", quantity: 2, left_in_stock: 38 },
          { sku: "MOUSE", quantity: 3, left_in_stock: 117 },
        ],
      },
      process_payment: { transaction_id: "payment-good-1", charged_cents: 15_797, attempt: 1 },
      ship_order: {
        tracking_number: "track-good",
        recipient: "ada@example.com",
        destination: "12 Analytical Row, N1 9GU London",
        packages: 1,
        transaction_id: "payment-good-1",
        estimated_delivery: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/),
      },
    });
  });

  it("tries a payment that timed out again, and then ships", async () => {
    const context = sample({ order_id: "slow", payment: { method: "card", simulate: "timeout_once" } });
    const task = await run(host, database, "commerce/order_fulfillment", context);
    expect(task.status).toBe("complete");
    expect(task.steps.get("process_payment")).toMatchObject({ current_state: "complete", attempts: 2 });
    expect(results(task)["process_payment"]).toMatchObject({ attempt: 2 });
    expect(results(task)["ship_order"]).toMatchObject({ transaction_id: "payment-slow-2" });
  });

  it("fails an out-of-stock order for good, with the handler's own code and place", async () => {
    const items = [{ sku: "STANDING-DESK", quantity: 1, unit_price_cents: 49_900 }];
    const task = await run(host, database, "commerce/order_fulfillment", sample({ order_id: "empty", items }));
    const step = task.steps.get("reserve_inventory");
    expect(task.status).toBe("blocked_by_failures");
    expect(step).toMatchObject({ current_state: "error", attempts: 1 });
    expect(step?.results?.metadata).toMatchObject({ error_code: "OUT_OF_STOCK", retryable: false });
    expect(step?.results?.error?.message).toBe('Cannot reserve 1 of "STANDING-DESK": 0 in stock');
    expect(step?.results?.error?.backtrace?.join("\n")).toMatch(/src\/reserve-inventory\.ts:\d+:\d+/);
    expect(task.steps.get("process_payment")).toMatchObject({ current_state: "pending", attempts: 0 });
  });

  it("refuses an order without a customer for good, and names the missing member", async () => {
    const context = sample({ order_id: "nobody", customer: undefined });
    const task = await run(host, database, "commerce/order_fulfillment", context);
    const step = task.steps.get("validate_order");
    expect(task.status).toBe("blocked_by_failures");
    expect(step).toMatchObject({ current_state: "error", attempts: 1 });
    expect(JSON.stringify(step?.results?.error)).toContain("customer");
  });
});

describe("weather/weather_report", () => {
  it("reports the same figures as an independent computation over the Seattle dataset", async () => {
    const csv = readFileSync(`${HANDLERS_DIR}/../node_modules/vega-datasets/data/seattle-weather.csv`, "utf8");
    const task = await run(host, database, "weather/weather_report", JSON.stringify({ csv }));
    expect(task.status).toBe("complete");
    const expected = weatherFigures(csv);
    const { months, ...temperature } = expected;
    const byWetness = months.toSorted((left, right) => left.mean_mm - right.mean_mm);
    expect(expected.days).toBe(1461);
    expect(results(task)["temperature_statistics"]).toEqual(temperature);
    expect(results(task)["precipitation_statistics"]).toEqual({ months });
    expect(results(task)["weather_report"]).toMatchObject({
      temperature,
      wettest_month: byWetness.at(-1),
      driest_month: byWetness[0],
    });
  });
});
