import { z } from "@hono/zod-openapi";
import { TaskRequestMembers } from "../../orchestration/parse-task-request.ts";

const uuid = z.string().openapi({ format: "uuid" });
const timestamp = z.string().openapi({ format: "date-time" });

export const TaskRequestSchema = z
  .strictObject({ context: z.record(z.string(), z.unknown()), ...TaskRequestMembers.shape })
  .openapi("TaskRequest");

const StepReadinessSchema = z
  .object({
    workflow_step_uuid: uuid,
    task_uuid: uuid,
    named_step_uuid: uuid,
    name: z.string(),
    current_state: z.string(),
    dependencies_satisfied: z.boolean(),
    retry_eligible: z.boolean(),
    ready_for_execution: z.boolean(),
    last_failure_at: timestamp.nullable(),
    next_retry_at: timestamp.nullable(),
    total_parents: z.int(),
    completed_parents: z.int(),
    attempts: z.int(),
    max_attempts: z.int(),
    backoff_request_seconds: z.int().nullable(),
    last_attempted_at: timestamp.nullable(),
  })
  .openapi("StepReadiness");

export const TaskResponseSchema = z
  .object({
    task_uuid: uuid,
    name: z.string(),
    namespace: z.string(),
    version: z.string(),
    status: z.string().openapi({ description: "One of the 12 task states", example: "complete" }),
    created_at: timestamp,
    updated_at: timestamp,
    completed_at: timestamp.nullable(),
    context: z
      .record(z.string(), z.unknown())
      .nullable()
      .openapi({ description: "Null where the caller lacks `tasks:context_read`" }),
    initiator: z.string(),
    source_system: z.string(),
    reason: z.string(),
    priority: z.int(),
    tags: z.array(z.string()),
    correlation_id: uuid,
    parent_correlation_id: uuid.nullable(),
    total_steps: z.int(),
    pending_steps: z.int(),
    in_progress_steps: z.int(),
    completed_steps: z.int(),
    failed_steps: z.int(),
    ready_steps: z.int(),
    execution_status: z.string().openapi({ example: "all_complete" }),
    recommended_action: z.string().openapi({ example: "finalize_task" }),
    completion_percentage: z.number(),
    health_status: z.string().openapi({ example: "healthy" }),
    steps: z.array(StepReadinessSchema).openapi({ description: "Empty in a list of tasks" }),
  })
  .openapi("Task");

export const TaskListResponseSchema = z
  .object({
    tasks: z.array(TaskResponseSchema),
    pagination: z.object({
      page: z.int(),
      per_page: z.int(),
      total_count: z.int(),
      total_pages: z.int(),
      has_next: z.boolean(),
      has_previous: z.boolean(),
    }),
  })
  .openapi("TaskList");

export const StepResponseSchema = z
  .object({
    step_uuid: uuid,
    task_uuid: uuid,
    name: z.string(),
    created_at: timestamp,
    updated_at: timestamp,
    completed_at: timestamp.nullable(),
    results: z.record(z.string(), z.unknown()).nullable().openapi({ description: "The step execution result" }),
    current_state: z.string().openapi({ description: "One of the 10 step states", example: "complete" }),
    dependencies_satisfied: z.boolean(),
    retry_eligible: z.boolean(),
    ready_for_execution: z.boolean(),
    total_parents: z.int(),
    completed_parents: z.int(),
    attempts: z.int(),
    max_attempts: z.int(),
    last_failure_at: timestamp.nullable(),
    next_retry_at: timestamp.nullable(),
    last_attempted_at: timestamp.nullable(),
    depends_on: z.array(z.string()).openapi({ description: "Names of the steps that must be done before" }),
  })
  .openapi("Step");
