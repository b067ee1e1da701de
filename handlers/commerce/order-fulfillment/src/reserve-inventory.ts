import { PermanentError } from "@tasker-host/sdk";
import type { Reservation, ValidatedOrder } from "./order.ts";

/** The warehouse of this example. */
const STOCK: Readonly<Record<string, number>> = { KEYBOARD: 40, MOUSE: 120, MONITOR: 8, "STANDING-DESK": 0 };

/** Sets the goods aside. Throws `PermanentError` (`OUT_OF_STOCK`) where one is short: waiting does not fill a shelf. */
export function reserveInventory(order: ValidatedOrder, stock: Readonly<Record<string, number>> = STOCK): Reservation {
  const reserved = order.lines.map(({ sku, quantity }) => {
    const available = stock[sku] ?? 0;
    if (available < quantity) {
      throw new PermanentError(`Cannot reserve ${quantity} of "${sku}": ${available} in stock`, {
        errorType: "out_of_stock",
        errorCode: "OUT_OF_STOCK",
        context: { sku, wanted: quantity, available },
      });
    }
    return { sku, quantity, left_in_stock: available - quantity };
  });
  return { reservation_id: `reservation-${order.order_id}`, reserved };
}
