import type { Order, ValidatedOrder } from "./order.ts";

/** The order's lines with their totals. The schema has seen to everything that can be wrong with it. */
export function validateOrder(order: Order): ValidatedOrder {
  const lines = order.items.map(({ sku, quantity, unit_price_cents: price }) => ({
    sku,
    quantity,
    line_total_cents: quantity * price,
  }));
  const total = lines.reduce((sum, line) => sum + line.line_total_cents, 0);
  return { order_id: order.order_id, lines, total_cents: total };
}
