import { z } from "@hono/zod-openapi";

export const ErrorSchema = z
  .object({
    error: z.object({
      code: z.string().openapi({ description: "Tasker's word for it", example: "NOT_FOUND" }),
      tsk_code: z
        .string()
        .openapi({ description: "The stable code, see docs/errors.md", example: "TSK_TASK_NOT_FOUND" }),
      message: z.string(),
      found: z.string().optional(),
      accepted: z.string().optional(),
      remedy: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
      request_id: z.string(),
      retry_after_seconds: z.int().optional(),
    }),
  })
  .openapi("Error");
