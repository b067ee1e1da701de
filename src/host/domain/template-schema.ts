/**
 * The keys of a task template, as tasker-core reads them. The text given as `error` is what is accepted there.
 * Objects are loose: unknown keys are warned about, kept, and stored, as newer versions of Tasker may read them.
 */
import { z } from "zod";
import {
  CALLABLE_PATTERN,
  CALLABLE_RULE,
  NAMESPACE_PATTERN,
  NAMESPACE_RULE,
  STEP_NAME_PATTERN,
  STEP_NAME_RULE,
  TASK_NAME_PATTERN,
  TASK_NAME_RULE,
  VERSION_PATTERN,
  VERSION_RULE,
} from "./names.ts";
import { BACKOFF_KINDS, STEP_TYPES } from "./template.ts";

const EVENT_CONDITIONS = ["success", "failure", "retryable_failure", "permanent_failure", "always"] as const;
const DELIVERY_MODES = ["durable", "fast", "broadcast"] as const;
const FAILURE_STRATEGIES = ["continue_on_failure", "fail_fast", "isolate"] as const;
const WEEK_SECONDS = 604_800;

/** Whatever YAML gave: it was checked to be JSON before. */
const Json = z.unknown();
const JsonObject = z.record(z.string(), Json, { error: "a map" });
const Flag = z.boolean({ error: "true or false" });
const Text = z.string({ error: "a text" });

function matching(pattern: RegExp, rule: string): z.ZodString {
  return z.string({ error: rule }).regex(pattern, { error: rule });
}

function description(): z.ZodString {
  const rule = "a text of at most 255 characters";
  return z.string({ error: rule }).max(255, { error: rule });
}

function wholeNumber(min: number, max: number): z.ZodInt {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function oneOf<const W extends readonly [string, ...string[]]>(words: W): z.ZodType<W[number]> {
  return z.enum(words, { error: words.map((word) => `"${word}"`).join(", ") });
}

function map<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$loose> {
  return z.looseObject(shape, { error: `a map with ${Object.keys(shape).join(", ")}` });
}

function list<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item, { error: "a list" });
}

const Retry = map({
  retryable: Flag.optional(),
  max_attempts: wholeNumber(1, 100).optional(),
  backoff: oneOf(BACKOFF_KINDS).optional(),
  backoff_base_ms: wholeNumber(0, WEEK_SECONDS * 1_000).optional(),
  max_backoff_ms: wholeNumber(0, WEEK_SECONDS * 1_000).optional(),
});

const Timeout = wholeNumber(1, WEEK_SECONDS);

const Handler = map({
  callable: matching(CALLABLE_PATTERN, CALLABLE_RULE),
  method: Text.optional(),
  resolver: Text.optional(),
  initialization: JsonObject.optional(),
});

const Step = map({
  name: matching(STEP_NAME_PATTERN, STEP_NAME_RULE),
  description: description().optional(),
  handler: Handler,
  type: oneOf(STEP_TYPES).optional(),
  system_dependency: Text.optional(),
  dependencies: list(Text).optional(),
  retry: Retry.optional(),
  timeout_seconds: Timeout.optional(),
  publishes_events: list(
    map({
      name: Text,
      description: Text.optional(),
      condition: oneOf(EVENT_CONDITIONS).optional(),
      schema: Json.optional(),
      delivery_mode: oneOf(DELIVERY_MODES).optional(),
      publisher: Text.optional(),
    }),
  ).optional(),
  batch_config: map({
    batch_size: wholeNumber(1, 1_000_000_000).optional(),
    parallelism: wholeNumber(1, 100_000).optional(),
    cursor_field: Text.optional(),
    worker_template: Text.optional(),
    failure_strategy: oneOf(FAILURE_STRATEGIES).optional(),
  }).optional(),
  result_schema: Json.optional(),
  composition: Json.optional(),
});

const Override = map({
  name: Text,
  handler: map({ initialization: JsonObject.optional() }).optional(),
  timeout_seconds: Timeout.optional(),
  retry: Retry.optional(),
});

export const TemplateSchema = map({
  name: matching(TASK_NAME_PATTERN, TASK_NAME_RULE),
  namespace_name: matching(NAMESPACE_PATTERN, NAMESPACE_RULE),
  version: matching(VERSION_PATTERN, VERSION_RULE),
  description: description().optional(),
  metadata: map({
    author: Text.optional(),
    tags: list(Text).optional(),
    documentation_url: Text.optional(),
    created_at: Text.optional(),
    updated_at: Text.optional(),
  }).optional(),
  system_dependencies: map({ primary: Text.optional(), secondary: list(Text).optional() }).optional(),
  domain_events: list(map({ name: Text, description: Text.optional(), schema: Json.optional() })).optional(),
  input_schema: Json.optional(),
  steps: list(Step).min(1, { error: "at least one step" }),
  environments: z.record(z.string(), map({ steps: list(Override).optional() }), { error: "a map" }).optional(),
  lifecycle: map({
    max_duration_minutes: wholeNumber(1, 1_000_000).optional(),
    max_waiting_for_dependencies_minutes: wholeNumber(1, 1_000_000).optional(),
    max_waiting_for_retry_minutes: wholeNumber(1, 1_000_000).optional(),
    max_steps_in_process_minutes: wholeNumber(1, 1_000_000).optional(),
    staleness_action: Text.optional(),
    auto_fail_on_timeout: Flag.optional(),
    auto_dlq_on_timeout: Flag.optional(),
  }).optional(),
});

export type TemplateDocument = z.infer<typeof TemplateSchema>;
export type StepDocument = TemplateDocument["steps"][number];
