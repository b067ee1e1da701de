import { PermanentError } from "./errors.ts";

/** One thing that is wrong with a value, and where. */
interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

/** A schema with `safeParse`, as zod's. */
interface SafeParseSchema<Output> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: Output }
    | { readonly success: false; readonly error: { readonly issues: readonly SchemaIssue[] } };
}

/** A schema of the "Standard Schema" agreement (zod, valibot, arktype, …); it must answer at once, not by a promise. */
interface StandardSchema<Output> {
  readonly "~standard": {
    validate(value: unknown): unknown;
    readonly types?: { readonly output: Output } | undefined;
  };
}

/** Anything with a `parse` that returns the checked value or throws. */
interface ParseSchema<Output> {
  parse(value: unknown): Output;
}

export type Schema<Output = unknown> = SafeParseSchema<Output> | StandardSchema<Output> | ParseSchema<Output>;

/** What a schema makes of a value that it accepts. */
export type OutputOf<S> = S extends { parse(value: unknown): infer Output }
  ? Output
  : S extends { readonly "~standard": { readonly types?: infer Types } }
    ? NonNullable<Types> extends { readonly output: infer Output }
      ? Output
      : unknown
    : S extends SafeParseSchema<infer Output>
      ? Output
      : unknown;

/**
 * The value as `schema` sees it. Throws `PermanentError` (`validation_error`) that lists every issue: the same value
 * would be refused again. `what` names the value in the message: `the input`.
 */
export function validate<Output>(schema: Schema<Output>, value: unknown, what: string): Output {
  if ("safeParse" in schema) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw refusal(what, parsed.error.issues);
  }
  if ("~standard" in schema) {
    const answer = schema["~standard"].validate(value);
    if (isIssues(answer)) throw refusal(what, answer.issues);
    if (isAnswer(schema, answer)) return answer.value;
    throw new PermanentError(
      `Cannot check ${what}: its schema answers by a promise, accepted are schemas that answer at once`,
    );
  }
  try {
    return schema.parse(value);
  } catch (error) {
    const issues = isIssues(error)
      ? error.issues
      : [{ message: error instanceof Error ? error.message : String(error) }];
    throw refusal(what, issues);
  }
}

function isIssues(answer: unknown): answer is { readonly issues: readonly SchemaIssue[] } {
  return typeof answer === "object" && answer !== null && "issues" in answer && Array.isArray(answer.issues);
}

/** The agreement: an answer without issues has the checked value, of the type that `types.output` names. */
function isAnswer<Output>(_schema: StandardSchema<Output>, answer: unknown): answer is { readonly value: Output } {
  return typeof answer === "object" && answer !== null && "value" in answer;
}

function refusal(what: string, issues: readonly SchemaIssue[]): PermanentError {
  const listed = issues.map(({ message, path = [] }) => ({ path: path.map(segment).join("."), message }));
  const sentence = listed.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return new PermanentError(`Cannot accept ${what}: ${sentence}`, {
    errorType: "validation_error",
    context: { issues: listed },
  });
}

/** A path segment is a key, or (Standard Schema) an object with one. */
function segment(part: unknown): string {
  return typeof part === "object" && part !== null && "key" in part ? String(part.key) : String(part);
}
