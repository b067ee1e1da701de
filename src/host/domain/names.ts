/**
 * Namespaces name queues (`worker_<namespace>_queue`), folders and trust domains. Lower case only: PGMQ folds queue
 * names, and two namespaces that differ in case would share a table. 29 characters is Tasker's limit.
 */
export const NAMESPACE_PATTERN = /^[a-z][a-z0-9_]{0,28}$/;
export const NAMESPACE_RULE =
  "a lower-case letter, then lower-case letters, digits or underscores, at most 29 characters";

/** Names of task templates; 64 characters is what `named_tasks.name` holds. */
export const TASK_NAME_PATTERN = /^[a-z][a-z0-9_]{0,63}$/;
export const TASK_NAME_RULE =
  "a lower-case letter, then lower-case letters, digits or underscores, at most 64 characters";

/** Names of steps; 128 characters is what `named_steps.name` holds. */
export const STEP_NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
export const STEP_NAME_RULE = "a letter, then letters, digits, `_`, `-` or `.`, at most 128 characters";

/** Versions of templates and components; 16 characters is what `named_tasks.version` holds. */
export const VERSION_PATTERN = /^(?=.{5,16}$)(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
export const VERSION_RULE = 'three numbers with dots such as "1.0.0", at most 16 characters';

/** Callables: any characters but blanks and control characters, as handlers of other languages use `::` and `/`. */
export const CALLABLE_PATTERN = /^[^\s\p{Cc}\p{Cs}]{1,500}$/u;
export const CALLABLE_RULE = "1 to 500 characters without blanks or control characters";

/** Names of handlers: of components as their manifests say them. They stand in paths of URLs. */
export const HANDLER_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const HANDLER_NAME_RULE = "a letter or digit, then letters, digits, `.`, `_` or `-`, at most 64 characters";
