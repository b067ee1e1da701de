import { jsonTextOf } from "./json-text.ts";
import type { StepDocument, TemplateDocument } from "./template-schema.ts";
import type { RetryPolicy, TaskTemplate, TemplateStep } from "./template.ts";

/** The document as the host reads it, defaults filled in. */
export function templateOf(document: TemplateDocument, defaults: RetryPolicy): TaskTemplate {
  return {
    name: document.name,
    namespaceName: document.namespace_name,
    version: document.version,
    description: document.description,
    steps: document.steps.map((step) => stepOf(step, defaults)),
  };
}

function stepOf(step: StepDocument, defaults: RetryPolicy): TemplateStep {
  return {
    name: step.name,
    description: step.description,
    type: step.type ?? "standard",
    callable: step.handler.callable,
    method: step.handler.method,
    dependencies: step.dependencies ?? [],
    retry: {
      retryable: step.retry?.retryable ?? defaults.retryable,
      maxAttempts: step.retry?.max_attempts ?? defaults.maxAttempts,
      backoff: step.retry?.backoff ?? defaults.backoff,
      backoffBaseMs: step.retry?.backoff_base_ms ?? defaults.backoffBaseMs,
      maxBackoffMs: step.retry?.max_backoff_ms ?? defaults.maxBackoffMs,
    },
    timeoutSeconds: step.timeout_seconds,
  };
}

/** The document as JSON text, with what the SQL functions read written out: types, dependencies and retry policies. */
export function configurationJson(document: TemplateDocument, defaults: RetryPolicy): string {
  const steps = document.steps.map((step) => {
    const { type, dependencies, retry } = stepOf(step, defaults);
    return {
      ...step,
      type,
      dependencies,
      retry: {
        ...step.retry,
        retryable: retry.retryable,
        max_attempts: retry.maxAttempts,
        backoff: retry.backoff,
        backoff_base_ms: retry.backoffBaseMs,
        max_backoff_ms: retry.maxBackoffMs,
      },
    };
  });
  return jsonTextOf({ ...document, steps });
}
