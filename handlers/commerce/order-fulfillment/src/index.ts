/** validate_order → reserve_inventory → process_payment → ship_order, each on the results before it. */
import { defineHandlers, handler, log, success } from "@tasker-host/sdk";
import { Order, Payment, Reservation, ValidatedOrder } from "./order.ts";
import { processPayment } from "./process-payment.ts";
import { reserveInventory } from "./reserve-inventory.ts";
import { shipOrder } from "./ship-order.ts";
import { validateOrder } from "./validate-order.ts";

export default defineHandlers({
  "order.validate": handler({ input: Order }, (step) => validateOrder(step.input)),

  "order.reserve": (step) => reserveInventory(step.dependency("validate_order", ValidatedOrder)),

  "order.pay": handler({ input: Order }, (step) => {
    const order = step.dependency("validate_order", ValidatedOrder);
    // Not read, but it must be there: no goods, no charge.
    step.dependency("reserve_inventory", Reservation);
    if (step.isRetry) log.info("Charging again", { attempt: step.attempt });
    return processPayment(order, step.input.payment, step.attempt);
  }),

  "order.ship": handler({ input: Order }, (step) => {
    const reservation = step.dependency("reserve_inventory", Reservation);
    const payment = step.dependency("process_payment", Payment);
    const shipment = shipOrder(step.input, reservation, payment, step.now());
    return success(shipment, { packages: shipment.packages });
  }),
});
