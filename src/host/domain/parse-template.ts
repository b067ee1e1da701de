import { scanJson } from "../../core/json.ts";
import { nearestName } from "./nearest-name.ts";
import { withoutAliases } from "./template-aliases.ts";
import { configurationJson, templateOf } from "./template-configuration.ts";
import { templateGraphProblems } from "./template-graph.ts";
import { didYouMean, keyText, refuseTemplate, shownValue, templateError } from "./template-problem.ts";
import { type TemplateDocument, TemplateSchema } from "./template-schema.ts";
import { unknownKeyWarnings } from "./template-unknown-keys.ts";
import { type RetryPolicy, TASKER_RETRY_POLICY, type TaskTemplate } from "./template.ts";
import { readYaml, type YamlDocument, type YamlPath } from "./yaml-document.ts";

export interface ParsedTemplate {
  /** The file, as messages call it. */
  readonly path: string;
  readonly template: TaskTemplate;
  /** The whole template as JSON text for `named_tasks.configuration`, retry policies written out. */
  readonly configurationJson: string;
  /** What is tolerated and probably a mistake: `handlers.yaml:7: key "timeout" of step "a" is unknown …`. */
  readonly warnings: readonly string[];
  /** Line of the callable of the step with this index. */
  readonly callableLine: (step: number) => number;
}

/** Generous for a thousand steps with descriptions; a template is read into memory whole. */
const MAX_TEMPLATE_BYTES = 1_048_576;

/**
 * Reads a task template. `path` is how messages call the file; `defaults` fills in retry settings that steps leave open.
 * @throws TSK_TEMPLATE_… naming every problem with file, line and key.
 */
export function parseTemplate(
  source: string,
  path: string,
  defaults: RetryPolicy = TASKER_RETRY_POLICY,
): ParsedTemplate {
  const yaml = withoutAliases(readDocument(source, path));
  const document = checkDocument(yaml, path);
  refuseTemplate(path, templateGraphProblems(document, yaml));
  const configuration = configurationJson(document, defaults);
  refuseUnstorable(configuration, path);
  return {
    path,
    template: templateOf(document, defaults),
    configurationJson: configuration,
    warnings: unknownKeyWarnings(yaml, path),
    callableLine: (step) => yaml.positionOf(["steps", step, "handler", "callable"]).line,
  };
}

/** A callable of the template that nobody serves. */
export interface UnknownHandler {
  readonly step: string;
  readonly callable: string;
  readonly line: number;
  readonly nearest: string | undefined;
}

/** The steps whose callable is not among `known`. */
export function unknownHandlers(parsed: ParsedTemplate, known: ReadonlySet<string>): readonly UnknownHandler[] {
  return parsed.template.steps.flatMap(({ name, callable }, index) =>
    known.has(callable)
      ? []
      : [{ step: name, callable, line: parsed.callableLine(index), nearest: nearestName(callable, known) }],
  );
}

/** @throws TSK_TEMPLATE_UNKNOWN_HANDLER where a step's callable is not among `known`. */
export function refuseUnknownHandlers(parsed: ParsedTemplate, known: ReadonlySet<string>): void {
  const callables = [...known].sort().map((callable) => `"${callable}"`);
  const accepted =
    callables.length === 0 ? "callables of loaded components, of which there are none" : callables.join(", ");
  refuseTemplate(
    parsed.path,
    unknownHandlers(parsed, known).map(({ step, callable, line, nearest }) => ({
      code: "TSK_TEMPLATE_UNKNOWN_HANDLER",
      line,
      column: 1,
      key: `handler.callable of step "${step}"`,
      found: `"${callable}", which nobody serves${didYouMean(nearest)}`,
      accepted,
    })),
  );
}

function readDocument(source: string, path: string): YamlDocument {
  if (Buffer.byteLength(source) > MAX_TEMPLATE_BYTES) {
    const found = `${Buffer.byteLength(source)} bytes`;
    const accepted = `at most ${MAX_TEMPLATE_BYTES} bytes`;
    refuseTemplate(path, [{ code: "TSK_TEMPLATE_INVALID", line: 1, column: 1, key: "", found, accepted }]);
  }
  const yaml = readYaml(source);
  if ("value" in yaml) return yaml;
  throw templateError(
    path,
    yaml.problems.map((problem) => ({ code: "TSK_TEMPLATE_SYNTAX", key: "", ...problem })),
  );
}

function checkDocument(yaml: YamlDocument, path: string): TemplateDocument {
  const checked = TemplateSchema.safeParse(yaml.value);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path: at, message }) => {
    const keys = at.filter((key) => typeof key !== "symbol");
    const value = valueAt(yaml.value, keys);
    return {
      code: "TSK_TEMPLATE_INVALID" as const,
      ...yaml.positionOf(keys),
      key: keyText(keys),
      found: value === undefined ? "missing" : shownValue(value),
      accepted: message,
    };
  });
  throw templateError(path, problems);
}

function refuseUnstorable(json: string, path: string): void {
  const problem = scanJson(json, { maxBytes: 4 * MAX_TEMPLATE_BYTES });
  if (problem === undefined) return;
  const accepted = "values that Postgres jsonb can hold";
  refuseTemplate(path, [{ code: "TSK_TEMPLATE_INVALID", line: 1, column: 1, key: "", found: problem.found, accepted }]);
}

function valueAt(value: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );
}
