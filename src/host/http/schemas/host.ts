import { z } from "@hono/zod-openapi";

const timestamp = z.string().openapi({ format: "date-time" });

const CheckSchema = z
  .object({
    status: z.enum(["healthy", "unhealthy"]),
    message: z.string(),
    duration_ms: z.int(),
    last_checked: timestamp,
  })
  .openapi("HealthCheck");

export const HealthSchema = z
  .object({ status: z.enum(["healthy", "alive"]), timestamp, worker_id: z.string() })
  .openapi("Health");

export const ReadinessSchema = z
  .object({
    status: z.enum(["ready", "not_ready"]),
    timestamp,
    worker_id: z.string(),
    checks: z.object({ database: CheckSchema, command_processor: CheckSchema, queue_processing: CheckSchema }),
    system_info: z.object({
      version: z.string(),
      environment: z.string(),
      uptime_seconds: z.int(),
      worker_type: z.string(),
      database_pool_size: z.int(),
      command_processor_active: z.boolean(),
      supported_namespaces: z.array(z.string()),
      pool_utilization: z.number().openapi({ description: "Share of executor slots in use, 0 to 1" }),
    }),
  })
  .openapi("Readiness");

export const DetailedHealthSchema = ReadinessSchema.extend({
  problems: z
    .array(z.object({ subject: z.string(), code: z.string(), message: z.string() }))
    .openapi({ description: "What is not loaded or refused while the rest goes on, of the reader's namespaces" }),
}).openapi("DetailedHealth");

export type HealthCheck = z.infer<typeof CheckSchema>;
export type Readiness = z.infer<typeof ReadinessSchema>;

export const StatusSchema = z
  .object({
    state: z.enum(["startup", "normal", "graceful_shutdown", "stopped"]),
    worker_id: z.string(),
    version: z.string(),
    environment: z.string(),
    started_at: timestamp,
    uptime_seconds: z.int(),
    orchestration: z.enum(["embedded", "external"]),
    namespaces: z.array(
      z.object({
        namespace: z.string(),
        slots: z.int(),
        active: z.int(),
        queue_depth: z.int(),
        steps_per_second: z.number(),
        slow: z.boolean(),
      }),
    ),
    sandbox: z.object({
      isolation: z.enum(["process", "inline"]),
      walls: z.array(z.object({ wall: z.string(), stands: z.boolean(), detail: z.string() })),
    }),
    templates: z.array(z.object({ namespace: z.string(), name: z.string(), version: z.string(), steps: z.int() })),
    components: z.array(
      z.object({
        namespace: z.string(),
        name: z.string(),
        version: z.string(),
        digest: z.string(),
        callables: z.array(z.string()),
      }),
    ),
    problems: z.array(z.object({ subject: z.string(), code: z.string(), message: z.string() })),
    database: z.object({
      kind: z.enum(["embedded", "external"]),
      server_version: z.string().nullable(),
      pgmq: z.enum(["extension", "own", "found"]).nullable(),
      pool: z.object({ size: z.int(), idle: z.int(), waiting: z.int() }),
    }),
  })
  .openapi("Status");

export type Status = z.infer<typeof StatusSchema>;
