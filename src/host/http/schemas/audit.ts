import { z } from "@hono/zod-openapi";

export const AuditSchema = z
  .object({
    entries: z.array(
      z.object({
        entry_id: z.int(),
        recorded_at: z.string().openapi({ format: "date-time" }),
        action: z.string().openapi({ description: "What was done", example: "handler.promoted" }),
        namespace: z.string().nullable().openapi({ description: "Null: it concerns no single namespace" }),
        actor: z.object({
          kind: z.enum(["token", "jwt", "local", "anonymous"]),
          name: z.string(),
          origin: z.string().openapi({ description: "The remote address, or `cli:<user>@<host>`" }),
          handle: z.string().optional().openapi({ description: "Of a token: another one may bear its name later" }),
        }),
        subject: z
          .record(z.string(), z.unknown())
          .openapi({ description: "What was changed: names, versions, digests, before and after" }),
      }),
    ),
    next_before: z
      .int()
      .nullable()
      .openapi({ description: "`before` of the next page; null where this was the last one" }),
  })
  .openapi("Audit");
