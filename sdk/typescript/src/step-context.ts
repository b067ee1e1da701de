import type { JsonObject, JsonValue } from "./json/json-value.ts";
import type { OutputOf, Schema } from "./schema.ts";

/** Where an earlier run of this step left off, as it said with `checkpointYield`. */
export interface Checkpoint {
  readonly cursor: JsonValue;
  readonly itemsProcessed: number;
  readonly accumulated: JsonValue | undefined;
}

/** All that a handler knows of the step it runs. `Input` and `Config` follow from the schemas given to `handler`. */
export interface StepContext<Input = JsonObject, Config = JsonObject> {
  readonly taskUuid: string;
  readonly stepUuid: string;
  /** The same for everything that one request set off; for logs. */
  readonly correlationId: string;
  readonly parentCorrelationId: string | undefined;
  readonly namespace: string;
  readonly taskName: string;
  readonly taskVersion: string;
  readonly stepName: string;
  /** The step's name in the template; differs from `stepName` for batch workers. */
  readonly templateStepName: string;
  readonly callable: string;
  /** `handler.method` of the template's step, for a handler that does several things. */
  readonly method: string | undefined;

  /** The task's context: what the task was submitted with. */
  readonly input: Input;
  /** What orchestration gave this step alone: cursors of batch workers and the like. Usually `{}`. */
  readonly stepInputs: JsonObject;
  /** `handler.initialization` of the template's step. */
  readonly config: Config;

  /**
   * The result of a step that this one depends on, directly or through others. With a schema it is checked, a mismatch
   * being a permanent failure. Throws `PermanentError` (`missing_dependency`) where there is none of that name.
   */
  dependency<S extends Schema>(stepName: string, schema: S): OutputOf<S>;
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what the author knows of the other step
  dependency<Result = JsonValue>(stepName: string): Result;
  /** The same, or undefined where there is none: for steps after a decision. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
  optionalDependency<Result = JsonValue>(stepName: string): Result | undefined;
  /** The names that `dependency` knows. */
  readonly dependencyNames: readonly string[];

  /** 1 on the first run. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly isRetry: boolean;
  /** Whether a failure now is final. */
  readonly isLastRetry: boolean;
  readonly checkpoint: Checkpoint | undefined;

  /** When this run began, in milliseconds since 1970; stands still during the run. `Date.now()` says the same. */
  now(): number;
  /** When the host stops this run, on the clock of `now`. */
  readonly deadlineMs: number;
  /** The next number of a sequence in [0, 1) that is the same whenever this attempt is run. `Math.random` draws from it too. */
  random(): number;
  /** Named extras from the host: trace context and the like. */
  readonly attributes: ReadonlyMap<string, string>;
}
