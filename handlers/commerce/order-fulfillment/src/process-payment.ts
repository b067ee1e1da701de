import { PermanentError, RetryableError } from "@tasker-host/sdk";
import type { Order, Payment, ValidatedOrder } from "./order.ts";

/**
 * Charges the order. The gateway is pretended and does what `payment.simulate` says, the same on every run of an attempt:
 * a time-out is worth another attempt, a refusal is not.
 */
export function processPayment(order: ValidatedOrder, how: Order["payment"], attempt: number): Payment {
  if (how.simulate === "declined") {
    throw new PermanentError(`Cannot charge order "${order.order_id}": the gateway declined`, {
      errorType: "payment_declined",
      errorCode: "PAYMENT_DECLINED",
      statusCode: 402,
    });
  }
  if (how.simulate === "timeout_once" && attempt === 1) {
    throw new RetryableError(`Cannot charge order "${order.order_id}": the gateway timed out`, {
      errorType: "gateway_timeout",
      errorCode: "GATEWAY_TIMEOUT",
      statusCode: 504,
    });
  }
  return { transaction_id: `payment-${order.order_id}-${attempt}`, charged_cents: order.total_cents, attempt };
}
