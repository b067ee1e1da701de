import { PermanentError } from "../errors.ts";
import type { JsonObject } from "../json/json-value.ts";
import { parseJson } from "../json/parse-json.ts";
import { type Schema, validate } from "../schema.ts";
import type { Checkpoint, StepContext } from "../step-context.ts";
import { runRandom } from "./run-clock.ts";
import type { WitContext } from "./wit-context.ts";

/**
 * The author's view of a run. Documents are parsed when they are first asked for: most steps read one of many, and
 * parsing is what a small step costs.
 */
export class RunContext implements StepContext<never, never> {
  readonly taskUuid: string;
  readonly stepUuid: string;
  readonly correlationId: string;
  readonly parentCorrelationId: string | undefined;
  readonly namespace: string;
  readonly taskName: string;
  readonly taskVersion: string;
  readonly stepName: string;
  readonly templateStepName: string;
  readonly callable: string;
  readonly method: string | undefined;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly deadlineMs: number;
  readonly random = runRandom;
  private readonly wit: WitContext;
  private readonly schemas: { readonly input: Schema | undefined; readonly config: Schema | undefined };
  private readonly parsed = new Map<string, unknown>();

  constructor(wit: WitContext, schemas: { readonly input: Schema | undefined; readonly config: Schema | undefined }) {
    this.wit = wit;
    this.schemas = schemas;
    this.taskUuid = wit.taskUuid;
    this.stepUuid = wit.stepUuid;
    this.correlationId = wit.correlationId;
    this.parentCorrelationId = wit.parentCorrelationId ?? undefined;
    this.namespace = wit.namespace;
    this.taskName = wit.taskName;
    this.taskVersion = wit.taskVersion;
    this.stepName = wit.stepName;
    this.templateStepName = wit.templateStepName;
    this.callable = wit.callable;
    this.method = wit.method ?? undefined;
    this.attempt = wit.attempt;
    this.maxAttempts = wit.maxAttempts;
    this.deadlineMs = Number(wit.deadlineMs);
  }

  /** `never`: the handler that gets this context was typed by the schema that is applied here. */
  get input(): never {
    return this.once("input", () => checked(this.schemas.input, this.wit.context, "the input"));
  }

  get stepInputs(): JsonObject {
    return this.once("inputs", () => checked(undefined, this.wit.inputs, ""));
  }

  /** `never`, as `input`. */
  get config(): never {
    return this.once("config", () => checked(this.schemas.config, this.wit.config, "the config"));
  }

  /** `never`: the caller names the type it expects, or gives the schema that makes sure of it. */
  dependency(stepName: string, schema?: Schema): never {
    const found = this.wit.dependencyResults.find((dependency) => dependency.stepName === stepName);
    if (found === undefined) {
      const known = this.dependencyNames.map((name) => `"${name}"`).join(", ") || "none";
      throw new PermanentError(`Cannot read the result of step "${stepName}": this step's dependencies are ${known}`, {
        errorType: "missing_dependency",
      });
    }
    if (schema) return checked(schema, found.result, `the result of step "${stepName}"`);
    return this.once(`dependency ${stepName}`, () => checked(undefined, found.result, ""));
  }

  optionalDependency(stepName: string): never | undefined {
    return this.dependencyNames.includes(stepName) ? this.dependency(stepName) : undefined;
  }

  get dependencyNames(): readonly string[] {
    return this.wit.dependencyResults.map((dependency) => dependency.stepName);
  }

  get isRetry(): boolean {
    return this.attempt > 1;
  }

  get isLastRetry(): boolean {
    return this.attempt >= this.maxAttempts;
  }

  get checkpoint(): Checkpoint | undefined {
    const { checkpoint } = this.wit;
    if (checkpoint === null || checkpoint === undefined) return undefined;
    return this.once("checkpoint", () => ({
      cursor: parseJson(checkpoint.cursor),
      itemsProcessed: Number(checkpoint.itemsProcessed),
      accumulated: typeof checkpoint.accumulated === "string" ? parseJson(checkpoint.accumulated) : undefined,
    }));
  }

  now(): number {
    return Number(this.wit.nowMs);
  }

  get attributes(): ReadonlyMap<string, string> {
    return this.once("attributes", () => new Map(this.wit.attributes));
  }

  private once<T>(name: string, make: () => T): T {
    if (!this.parsed.has(name)) this.parsed.set(name, make());
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each name has one maker: what it made is kept here
    return this.parsed.get(name) as T;
  }
}

/** The parsed document. `never`, which stands for whatever type the reader was promised: by the schema, or by the contract. */
function checked(schema: Schema | undefined, text: string, what: string): never {
  const value = parseJson(text);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above: the one place where documents get types
  return (schema === undefined ? value : validate(schema, value, what)) as never;
}
