import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import order from "../../handlers/commerce/samples/order_fulfillment.json" with { type: "json" };
import { loadNamespace, type Namespace } from "./support/run-template.ts";

let math: Namespace;
let commerce: Namespace;
let weather: Namespace;

beforeAll(async () => {
  math = await loadNamespace("math");
  commerce = await loadNamespace("commerce");
  weather = await loadNamespace("weather");
});

describe("math", () => {
  describe.each(["linear_workflow_ts", "linear_workflow_as"])("%s", (template) => {
    it.each([
      [6, [36, 46, 138, 69]],
      [8, [64, 74, 222, 111]],
      [10, [100, 110, 330, 165]],
    ])("computes the sequence of %i", (start, wanted) => {
      const runs = math.run(template, { even_number: start });
      expect(Array.from(runs.values(), ({ result }) => result)).toEqual(wanted.map((result) => ({ result })));
    });

    it("refuses an odd number for good", () => {
      const runs = math.run(template, { even_number: 7 });
      expect(runs.get("linear_step_1")).toMatchObject({
        attempts: 1,
        outcome: { tag: "failure", val: { errorType: "validation_error", retryable: false } },
      });
    });
  });

  it("diamond_workflow meets again in the average of both branches, across two languages", () => {
    const runs = math.run("diamond_workflow", { even_number: 6 });
    expect(Object.fromEntries(Array.from(runs, ([step, { result }]) => [step, result]))).toEqual({
      diamond_start: { result: 36 },
      diamond_branch_b: { result: 61 },
      diamond_branch_c: { result: 72 },
      diamond_end: { result: 66.5 },
    });
  });
});

describe("commerce/order_fulfillment", () => {
  it("ships an order, each step using the results before it", () => {
    const runs = commerce.run("order_fulfillment", { ...order, payment: { method: "card" } });
    expect(Object.fromEntries(Array.from(runs, ([step, { result }]) => [step, result]))).toEqual({
      validate_order: {
        order_id: "A-1001",
        lines: [
          { sku: "KEYBOARD", quantity: 2, line_total_cents: 9800 },
          { sku: "MOUSE", quantity: 3, line_total_cents: 5997 },
        ],
        total_cents: 15797,
      },
      reserve_inventory: {
        reservation_id: "reservation-A-1001",
        reserved: [
          { sku: "KEYBOARD", quantity: 2, left_in_stock: 38 },
          { sku: "MOUSE", quantity: 3, left_in_stock: 117 },
        ],
      },
      process_payment: { transaction_id: "payment-A-1001-1", charged_cents: 15797, attempt: 1 },
      ship_order: {
        tracking_number: "track-A-1001",
        recipient: "ada@example.com",
        destination: "12 Analytical Row, N1 9GU London",
        packages: 1,
        transaction_id: "payment-A-1001-1",
        // The test's clock stands at 2025-11-24.
        estimated_delivery: "2025-11-27",
      },
    });
  });

  it("pays on the second attempt after a time-out", () => {
    const runs = commerce.run("order_fulfillment", order);
    expect(runs.get("process_payment")).toMatchObject({ attempts: 2, result: { attempt: 2 } });
    expect(runs.has("ship_order")).toBe(true);
  });

  it("fails for good where goods are out of stock", () => {
    const items = [{ sku: "STANDING-DESK", quantity: 1, unit_price_cents: 49900 }];
    const runs = commerce.run("order_fulfillment", { ...order, items });
    const { attempts, outcome } = runs.get("reserve_inventory") ?? {};
    expect(attempts).toBe(1);
    expect(outcome).toMatchObject({
      tag: "failure",
      val: {
        message: 'Cannot reserve 1 of "STANDING-DESK": 0 in stock',
        errorCode: "OUT_OF_STOCK",
        retryable: false,
        context: '{"sku":"STANDING-DESK","wanted":1,"available":0}',
      },
    });
    expect(runs.has("process_payment")).toBe(false);
  });

  it("lists every issue of an order that its schema refuses", () => {
    const runs = commerce.run("order_fulfillment", {
      ...order,
      items: [],
      customer: { ...order.customer, email: "no" },
    });
    const { outcome } = runs.get("validate_order") ?? {};
    expect(outcome).toMatchObject({ tag: "failure", val: { errorType: "validation_error", retryable: false } });
    if (outcome?.tag !== "failure") return;
    expect(outcome.val.message).toContain("Cannot accept the input: customer.email: ");
    const { issues } = JSON.parse(outcome.val.context);
    expect(issues).toMatchObject([{ path: "customer.email" }, { path: "items" }]);
  });
});

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

describe("weather/weather_report", () => {
  const csv = readFileSync(
    join(import.meta.dirname, "../../node_modules/vega-datasets/data/seattle-weather.csv"),
    "utf8",
  );

  it("finds the figures that are found without it", () => {
    const runs = weather.run("weather_report", { csv });
    const days = csv
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","))
      .map(([date = "", rain, high, low]) => ({ date, rain: Number(rain), high: Number(high), low: Number(low) }));
    const highest = Math.max(...days.map(({ high }) => high));
    const lowest = Math.min(...days.map(({ low }) => low));

    expect(runs.get("temperature_statistics")?.result).toEqual({
      days: 1461,
      mean_high: round(sum(days.map(({ high }) => high)) / days.length),
      mean_low: round(sum(days.map(({ low }) => low)) / days.length),
      hottest: { date: days.find(({ high }) => high === highest)?.date, celsius: highest },
      coldest: { date: days.find(({ low }) => low === lowest)?.date, celsius: lowest },
    });

    const months = Array.from({ length: 12 }, (_, index) => {
      const ofMonth = days.filter(({ date }) => Number(date.slice(5, 7)) === index + 1).map(({ rain }) => rain);
      return {
        month: index + 1,
        days: ofMonth.length,
        wet_days: ofMonth.filter((rain) => rain > 0).length,
        total_mm: round(sum(ofMonth)),
        mean_mm: round(sum(ofMonth) / ofMonth.length),
      };
    });
    expect(runs.get("precipitation_statistics")?.result).toEqual({ months });

    const byMean = [...months].sort((a, b) => a.mean_mm - b.mean_mm);
    expect(runs.get("weather_report")?.result).toMatchObject({
      wettest_month: byMean.at(-1),
      driest_month: byMean[0],
      summary: `1461 days. Hottest on ${days.find(({ high }) => high === highest)?.date} with ${highest.toFixed(1)} °C. November is the wettest month, July the driest.`,
    });
  });

  it("names the line of a broken file", () => {
    const runs = weather.run("weather_report", { csv: "date,precipitation,temp_max,temp_min\n2012-01-01,x,1,2" });
    expect(runs.get("parse_records")).toMatchObject({
      attempts: 1,
      outcome: {
        val: { message: 'Cannot read line 2 of the records: "x" where a number is wanted', retryable: false },
      },
    });
  });
});
