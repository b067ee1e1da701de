import { z } from "zod";

/** What the commands read of the API's answers. Loose: members that they do not know stay, for `--json`. */
export const TaskAnswer = z.looseObject({
  task_uuid: z.string(),
  name: z.string(),
  namespace: z.string(),
  version: z.string(),
  status: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  completed_at: z.string().nullish(),
  correlation_id: z.string(),
  priority: z.number().nullish(),
  context: z.unknown(),
  total_steps: z.number(),
  completed_steps: z.number(),
});
export type TaskAnswer = z.infer<typeof TaskAnswer>;

/** `workflow_steps.results`; null until the step has run. A result that another worker wrote may lack members. */
const Results = z
  .looseObject({
    success: z.boolean().optional(),
    result: z.unknown().optional(),
    metadata: z
      .looseObject({
        execution_time_ms: z.number().nullish(),
        error_code: z.string().nullish(),
        error_type: z.string().nullish(),
        handler_version: z.string().nullish(),
        custom: z
          .looseObject({ module_name: z.string().nullish(), module_digest: z.string().nullish() })
          .nullish()
          .catch(undefined),
      })
      .nullish(),
    error: z
      .looseObject({
        message: z.string(),
        error_type: z.string().nullish(),
        retryable: z.boolean().optional(),
        backtrace: z.array(z.string()).nullish(),
        context: z.record(z.string(), z.unknown()).nullish().catch(undefined),
      })
      .nullish(),
  })
  .nullish();

export const StepAnswer = z.looseObject({
  step_uuid: z.string(),
  name: z.string(),
  current_state: z.string(),
  attempts: z.number(),
  max_attempts: z.number(),
  completed_at: z.string().nullish(),
  next_retry_at: z.string().nullish(),
  last_attempted_at: z.string().nullish(),
  results: Results,
  /** A Tasker orchestrator does not say. */
  depends_on: z.array(z.string()).default([]),
});
export type StepAnswer = z.infer<typeof StepAnswer>;

export const ErrorAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    tsk_code: z.string().optional(),
    found: z.string().optional(),
    accepted: z.string().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** `GET /v1/audit` */
export const AuditAnswer = z.object({
  entries: z.array(
    z.object({
      entry_id: z.number(),
      recorded_at: z.string(),
      action: z.string(),
      namespace: z.string().nullable(),
      actor: z.object({ kind: z.string(), name: z.string(), origin: z.string(), handle: z.string().optional() }),
      subject: z.record(z.string(), z.unknown()),
    }),
  ),
  next_before: z.number().nullable(),
});
export type AuditAnswer = z.infer<typeof AuditAnswer>;
