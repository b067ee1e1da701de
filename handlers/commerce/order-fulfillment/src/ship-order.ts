import type { Order, Payment, Reservation } from "./order.ts";

export interface Shipment {
  readonly tracking_number: string;
  readonly recipient: string;
  readonly destination: string;
  readonly packages: number;
  readonly transaction_id: string;
  /** A day, as `2026-11-26`. */
  readonly estimated_delivery: string;
}

const UNITS_PER_PACKAGE = 10;
const DELIVERY_DAYS = 3;
const DAY_MS = 86_400_000;

/** Hands the reserved, paid goods to the carrier. `nowMs` is the step's clock. */
export function shipOrder(order: Order, reservation: Reservation, payment: Payment, nowMs: number): Shipment {
  const units = reservation.reserved.reduce((sum, { quantity }) => sum + quantity, 0);
  const { street, postal_code: postalCode, city } = order.customer.address;
  return {
    tracking_number: `track-${order.order_id}`,
    recipient: order.customer.email,
    destination: `${street}, ${postalCode} ${city}`,
    packages: Math.ceil(units / UNITS_PER_PACKAGE),
    transaction_id: payment.transaction_id,
    estimated_delivery: new Date(nowMs + DELIVERY_DAYS * DAY_MS).toISOString().slice(0, 10),
  };
}
