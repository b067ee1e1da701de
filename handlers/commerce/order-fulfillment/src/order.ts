import { z } from "zod";

/** What an order_fulfillment task is submitted with. Money is in cents: sums of integers are exact. */
export const Order = z.object({
  order_id: z.string().min(1),
  customer: z.object({
    email: z.email(),
    address: z.object({ street: z.string().min(1), city: z.string().min(1), postal_code: z.string().min(1) }),
  }),
  items: z
    .array(
      z.object({
        sku: z.string().min(1),
        quantity: z.int().min(1).max(1_000),
        unit_price_cents: z.int().min(0),
      }),
    )
    .min(1),
  payment: z.object({
    method: z.enum(["card", "invoice"]),
    /** How the pretended gateway behaves. */
    simulate: z.enum(["ok", "timeout_once", "declined"]).default("ok"),
  }),
});
export type Order = z.infer<typeof Order>;

export const ValidatedOrder = z.object({
  order_id: z.string(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.int(), line_total_cents: z.int() })),
  total_cents: z.int(),
});
export type ValidatedOrder = z.infer<typeof ValidatedOrder>;

export const Reservation = z.object({
  reservation_id: z.string(),
  reserved: z.array(z.object({ sku: z.string(), quantity: z.int(), left_in_stock: z.int() })),
});
export type Reservation = z.infer<typeof Reservation>;

export const Payment = z.object({
  transaction_id: z.string(),
  charged_cents: z.int(),
  attempt: z.int(),
});
export type Payment = z.infer<typeof Payment>;
