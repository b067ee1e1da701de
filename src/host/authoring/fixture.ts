import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TaskerError } from "../../core/errors/index.ts";
import type { OutcomeKind } from "../../runtime/index.ts";
import { readYaml, type YamlPath } from "../domain/yaml-document.ts";
import { shownPath } from "./shown-path.ts";
import { type ExactValue, exactJson, parseExactValue } from "./exact-values.ts";

/** A step to try and how it should end: one file `fixtures/<name>.json` in a handler's folder. */
export interface Fixture {
  /** The file's name without `.json`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** The file's text, for those who write it again. */
  readonly text: string;
  readonly step: FixtureStep;
  /** Undefined where the fixture expects nothing yet; `--update` writes what came out. */
  readonly expect: Expectation | undefined;
}

/** What the step is given. Documents are JSON text, spelled as in the fixture. */
export interface FixtureStep {
  readonly callable: string;
  readonly contextJson: string;
  readonly inputsJson: string;
  readonly configJson: string;
  /** Results of earlier steps by step name. */
  readonly dependencies: readonly (readonly [stepName: string, resultJson: string])[];
  readonly method: string | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** What the step's clock says, in milliseconds since 1970. */
  readonly nowMs: number;
  /** 0 … 2^53 − 1. */
  readonly seed: number;
  readonly checkpoint:
    | { readonly cursorJson: string; readonly itemsProcessed: number; readonly accumulatedJson?: string | undefined }
    | undefined;
  readonly limits: FixtureLimits;
}

/** Limits that replace the configured ones for this fixture. */
export interface FixtureLimits {
  readonly fuel?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** How the run should end: the members that the fixture names, and the exact fuel if it names that. */
export interface Expectation {
  readonly outcome: { readonly [key: string]: ExactValue };
  readonly fuel: number | undefined;
  /** Lines that the log should hold, in this order; others may stand between them. */
  readonly logs: readonly { readonly level?: string | undefined; readonly message: string }[] | undefined;
}

const OUTCOMES = [
  "success",
  "failure",
  "checkpoint-yield",
  "out-of-fuel",
  "memory-exceeded",
  "stack-exhausted",
  "trap",
  "timeout",
  "invalid-result",
  "output-exceeded",
  "host-call-failed",
  "sandbox-lost",
] as const satisfies readonly OutcomeKind[];

/** When fixtures run that name no time. */
const DEFAULT_NOW = "2026-01-01T00:00:00.000Z";

const document = z.custom<ExactValue>((value) => value !== undefined, "a JSON value");
const attempt = z.int().min(1).max(1_000);

const checkpointSchema = z.strictObject({
  cursor: document,
  items_processed: z.int().min(0),
  accumulated: document.optional(),
});
const limitsSchema = z.strictObject({
  fuel: z.int().min(1).optional(),
  memory_bytes: z.int().min(65_536).optional(),
  timeout_ms: z.int().min(1).optional(),
});
const logSchema = z.strictObject({ level: z.string().optional(), message: z.string() });

const schema = z.strictObject({
  $schema: z.string().optional(),
  description: z.string().optional(),
  callable: z.string().min(1),
  context: document.optional(),
  dependencies: z.record(z.string(), document).optional(),
  config: document.optional(),
  step_inputs: document.optional(),
  method: z.string().optional(),
  attempt: attempt.optional(),
  max_attempts: attempt.optional(),
  now: z.iso.datetime({ offset: true }).optional(),
  seed: z.int().min(0).optional(),
  checkpoint: checkpointSchema.optional(),
  limits: limitsSchema.optional(),
  expect: z
    .looseObject({
      outcome: z.enum(OUTCOMES).optional(),
      fuel: z.int().min(0).optional(),
      logs: z.array(logSchema).optional(),
    })
    .optional(),
});

/** What `expect` may name besides `outcome`, `fuel` and `logs`. */
const EXPECTABLE = [
  "result",
  "metadata",
  "message",
  "error_type",
  "error_code",
  "retryable",
  "status_code",
  "retry_after_ms",
  "context",
  "cursor",
  "items_processed",
  "accumulated",
  "limit",
  "limit_ms",
  "what",
  "phase",
  "reason",
  "capability",
] as const;

/** The fixtures of a handler's folder, by name. @throws TSK_FIXTURE_INVALID with file, line and column */
export function readFixtures(handlerFolder: string): readonly Fixture[] {
  const folder = join(handlerFolder, "fixtures");
  return globSync("*.json", { cwd: folder })
    .sort()
    .map((file) => parseFixture(join(folder, file), readFileSync(join(folder, file), "utf8")));
}

/** @throws TSK_FIXTURE_INVALID */
export function parseFixture(path: string, text: string): Fixture {
  const value = parseText(path, text);
  const parsed = schema.safeParse(value);
  const [issue] = parsed.error?.issues ?? [];
  if (issue?.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const accepted = membersAt(pathOf(issue)).join(", ");
    throw refused(path, text, [...pathOf(issue), key], `unknown member "${key}"`, accepted);
  }
  if (!parsed.success) throw refused(path, text, pathOf(issue), issue?.message ?? "something else");
  const { expect, ...given } = parsed.data;
  const unknown = Object.keys(expect ?? {}).find((key) => !isExpectable(key));
  if (unknown !== undefined) {
    throw refused(
      path,
      text,
      ["expect", unknown],
      `unknown member "${unknown}"`,
      `outcome, fuel, logs, ${EXPECTABLE.join(", ")}`,
    );
  }
  return { name: nameOf(path), path, text, step: stepOf(given), expect: expect && expectationOf(expect) };
}

/** The members of the object at a path whose members are known: the fixture, or one within it. */
function membersAt([first]: YamlPath): readonly string[] {
  if (first === undefined) return Object.keys(schema.shape);
  if (first === "limits") return Object.keys(limitsSchema.shape);
  return Object.keys((first === "checkpoint" ? checkpointSchema : logSchema).shape);
}

function isExpectable(key: string): boolean {
  return ["outcome", "fuel", "logs", ...EXPECTABLE].includes(key);
}

function nameOf(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.json$/, "");
}

function stepOf(given: Omit<z.infer<typeof schema>, "expect">): FixtureStep {
  const { checkpoint } = given;
  return {
    callable: given.callable,
    contextJson: textOf(given.context),
    inputsJson: textOf(given.step_inputs),
    configJson: textOf(given.config),
    dependencies: Object.entries(given.dependencies ?? {}).map(([name, result]) => [name, textOf(result)]),
    method: given.method,
    attempt: given.attempt ?? 1,
    maxAttempts: given.max_attempts ?? 3,
    nowMs: Date.parse(given.now ?? DEFAULT_NOW),
    seed: given.seed ?? 1,
    checkpoint: checkpoint && {
      cursorJson: textOf(checkpoint.cursor),
      itemsProcessed: checkpoint.items_processed,
      accumulatedJson: checkpoint.accumulated === undefined ? undefined : textOf(checkpoint.accumulated),
    },
    limits: {
      fuel: given.limits?.fuel,
      memoryBytes: given.limits?.memory_bytes,
      timeoutMs: given.limits?.timeout_ms,
    },
  };
}

function textOf(value: ExactValue | undefined): string {
  return value === undefined ? "{}" : exactJson(value);
}

type Expected = NonNullable<z.infer<typeof schema>["expect"]>;

function expectationOf({ outcome = "success", fuel, logs, ...members }: Expected): Expectation {
  // All other members came out of the JSON parser: the loose schema passes them on as they are.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { outcome: { outcome, ...(members as { readonly [key: string]: ExactValue }) }, fuel, logs };
}

function parseText(path: string, text: string): ExactValue {
  try {
    return parseExactValue(text);
  } catch (error) {
    // V8 names the offset in its message where it knows it.
    const message = error instanceof Error ? error.message : String(error);
    const offset = Number(/ at position (\d+)/.exec(message)?.[1] ?? text.length);
    const before = text.slice(0, offset).split("\n");
    const found = message.replace(/ (?:in JSON )?at position .*$/s, "").replace(/, "[^]*" is not valid JSON$/, "");
    throw invalid(path, { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }, found, "JSON");
  }
}

function refused(path: string, text: string, keys: YamlPath, found: string, accepted?: string): TaskerError {
  // JSON is YAML, and the YAML reader knows where each value stands.
  const yaml = readYaml(text);
  const place = "problems" in yaml ? { line: 1, column: 1 } : yaml.positionOf(keys);
  return invalid(path, place, `${found}${keys.length === 0 ? "" : ` at "${keys.join(".")}"`}`, accepted);
}

function invalid(
  path: string,
  { line, column }: { readonly line: number; readonly column: number },
  found: string,
  accepted?: string,
): TaskerError {
  return new TaskerError("TSK_FIXTURE_INVALID", {
    attempted: `Cannot read the fixture ${shownPath(path)}:${line}:${column}`,
    found,
    ...(accepted !== undefined && { accepted }),
    details: { path, line, column },
  });
}

function pathOf(issue: { readonly path: readonly PropertyKey[] } | undefined): YamlPath {
  return (issue?.path ?? []).filter((key) => typeof key !== "symbol");
}
