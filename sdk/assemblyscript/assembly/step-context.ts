import { Json } from "./json";

/** A step that this one depends on, and its result as text. */
export class DependencyResult {
  readonly stepName: string;
  readonly text: string;

  constructor(stepName: string, text: string) {
    this.stepName = stepName;
    this.text = text;
  }
}

/** Where an earlier run of this step left off. */
export class Checkpoint {
  readonly cursor: Json;
  readonly itemsProcessed: u64;
  readonly accumulated: Json | null;

  constructor(cursor: Json, itemsProcessed: u64, accumulated: Json | null) {
    this.cursor = cursor;
    this.itemsProcessed = itemsProcessed;
    this.accumulated = accumulated;
  }
}

/** A named extra from the host. */
export class Attribute {
  readonly name: string;
  readonly value: string;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
  }
}

/** All that a handler knows of the step it runs. Documents are parsed when they are first asked for. */
export class StepContext {
  taskUuid: string = "";
  stepUuid: string = "";
  correlationId: string = "";
  parentCorrelationId: string | null = null;
  namespace: string = "";
  taskName: string = "";
  taskVersion: string = "";
  stepName: string = "";
  /** The step's name in the template; differs from `stepName` for batch workers. */
  templateStepName: string = "";
  callable: string = "";
  /** `handler.method` of the template's step. */
  method: string | null = null;
  /** 1 on the first run. */
  attempt: u32 = 1;
  maxAttempts: u32 = 1;
  /** When this run began, in milliseconds since 1970; the only clock there is. */
  nowMs: u64 = 0;
  /** When the host stops this run, on the same clock. */
  deadlineMs: u64 = 0;
  /** The same whenever this attempt is run; `Math.random()` is seeded with it. */
  seed: u64 = 0;
  checkpoint: Checkpoint | null = null;
  attributes: Array<Attribute> = new Array<Attribute>();

  /** The documents as text, for handlers that pass them on unread. */
  inputText: string = "";
  stepInputsText: string = "";
  configText: string = "";
  dependencyResults: Array<DependencyResult> = new Array<DependencyResult>();

  private parsedInput: Json | null = null;

  /** The task's context: what the task was submitted with. */
  get input(): Json {
    let input = this.parsedInput;
    if (input === null) {
      input = Json.parse(this.inputText);
      this.parsedInput = input;
    }
    return input;
  }

  /** What orchestration gave this step alone: cursors of batch workers and the like. */
  get stepInputs(): Json {
    return Json.parse(this.stepInputsText);
  }

  /** `handler.initialization` of the template's step. */
  get config(): Json {
    return Json.parse(this.configText);
  }

  get isRetry(): bool {
    return this.attempt > 1;
  }

  /** Whether a failure now is final. */
  get isLastRetry(): bool {
    return this.attempt >= this.maxAttempts;
  }

  hasDependency(stepName: string): bool {
    return this.findDependency(stepName) !== null;
  }

  /** The result of a step that this one depends on, directly or through others. Throws where there is none of that name. */
  dependency(stepName: string): Json {
    const found = this.findDependency(stepName);
    if (found === null) throw new Error('Cannot read the result of step "' + stepName + '": it is no dependency');
    return Json.parse(found.text);
  }

  private findDependency(stepName: string): DependencyResult | null {
    for (let at = 0; at < this.dependencyResults.length; at++) {
      if (this.dependencyResults[at].stepName == stepName) return this.dependencyResults[at];
    }
    return null;
  }
}
