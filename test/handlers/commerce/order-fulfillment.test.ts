/** A handler's functions are plain functions: most of its tests need no sandbox. */
import { describe, expect, it } from "vitest";
import { Order } from "../../../handlers/commerce/order-fulfillment/src/order.ts";
import { processPayment } from "../../../handlers/commerce/order-fulfillment/src/process-payment.ts";
import { reserveInventory } from "../../../handlers/commerce/order-fulfillment/src/reserve-inventory.ts";
import { shipOrder } from "../../../handlers/commerce/order-fulfillment/src/ship-order.ts";
import { validateOrder } from "../../../handlers/commerce/order-fulfillment/src/validate-order.ts";
import sample from "../../../handlers/commerce/samples/order_fulfillment.json" with { type: "json" };

const order = Order.parse(sample);

describe("order_fulfillment", () => {
  it("`validateOrder()` sums up in whole cents", () => {
    expect(validateOrder(order).total_cents).toBe(2 * 4_900 + 3 * 1_999);
  });

  it("`reserveInventory()` takes from the stock, or fails for good naming what is short", () => {
    const { lines } = validateOrder(order);
    const validated = { order_id: "A-1", lines, total_cents: 0 };
    expect(reserveInventory(validated, { KEYBOARD: 2, MOUSE: 3 }).reserved).toEqual([
      { sku: "KEYBOARD", quantity: 2, left_in_stock: 0 },
      { sku: "MOUSE", quantity: 3, left_in_stock: 0 },
    ]);
    expect(() => reserveInventory(validated, { KEYBOARD: 2, MOUSE: 2 })).toThrow(
      expect.objectContaining({ message: 'Cannot reserve 3 of "MOUSE": 2 in stock', retryable: false }),
    );
  });

  it("`processPayment()` times out once, declines for good", () => {
    const validated = validateOrder(order);
    const charge = (simulate: "timeout_once" | "declined", attempt: number) => () =>
      processPayment(validated, { method: "card", simulate }, attempt);
    expect(charge("timeout_once", 1)).toThrow(expect.objectContaining({ retryable: true }));
    expect(charge("timeout_once", 2)()).toMatchObject({ charged_cents: 15_797, attempt: 2 });
    expect(charge("declined", 1)).toThrow(expect.objectContaining({ retryable: false }));
  });

  it("`shipOrder()` promises delivery by the step's clock", () => {
    const reservation = reserveInventory(validateOrder(order));
    const payment = { transaction_id: "payment-1", charged_cents: 1, attempt: 1 };
    expect(shipOrder(order, reservation, payment, Date.UTC(2026, 1, 27)).estimated_delivery).toBe("2026-03-02");
  });
});
