import { ERROR_CATALOGUE, type ErrorCode } from "../../core/errors/index.ts";

/** What usually lies behind a failure, and what to do about it. */
export interface FailureAdvice {
  readonly usually: string | undefined;
  readonly remedy: string;
}

/** Advice on a failed step, by its code, else by its type; undefined where the handler said it all itself. */
export function adviceFor(errorCode: string | undefined, errorType: string): FailureAdvice | undefined {
  if (errorCode !== undefined && isOurs(errorCode)) {
    return { usually: CAUSES_BY_CODE[errorCode], remedy: ERROR_CATALOGUE[errorCode].remedy };
  }
  return ADVICE_BY_TYPE[errorType];
}

function isOurs(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, code);
}

const CAUSES_BY_CODE: Partial<Readonly<Record<ErrorCode, string>>> = {
  TSK_HANDLER_OUT_OF_FUEL:
    "a loop that never ends, work that grows with the square of its input, or one step that does the work of many",
  TSK_HANDLER_MEMORY_EXCEEDED:
    'a list that grows in a loop, a whole file held at once, or (AssemblyScript) runtime = "stub", which frees nothing',
  TSK_HANDLER_STACK_EXHAUSTED: "a recursion without an end, or data that refers to itself",
  TSK_HANDLER_TRAPPED:
    "a division by zero, a null that was taken for an object, a cast to the wrong class, memory that ran out inside the language's runtime",
  TSK_HANDLER_TIMEOUT: "a machine with too much to do, or a `timeout_seconds` that is too short for what the step does",
  TSK_HANDLER_RESULT_INVALID: "a component that was not made with an SDK, or text that is no JSON",
  TSK_HANDLER_OUTPUT_EXCEEDED: "data in the result that later steps could read elsewhere, or a log line for every item",
};

const ADVICE_BY_TYPE: Readonly<Record<string, FailureAdvice>> = {
  TypeError: {
    usually: "a member of the input or of an earlier result that is not there",
    remedy:
      "Give the handler an input schema, or look before you read; a TypeError is retried unless you say otherwise",
  },
  ReferenceError: {
    usually: "a global that Node.js or a browser has and a step has not",
    remedy: "docs/handlers.md lists what a step has; timers, network and files are not among it",
  },
  RangeError: {
    usually: "an array length, a number format or a recursion that does not fit",
    remedy: "Check the sizes that come from the input before you use them",
  },
  SyntaxError: {
    usually: "JSON.parse of a text that is no JSON, or a regular expression from the input",
    remedy: "Return `permanent(…)` where the input can be wrong: another attempt would see the same",
  },
  validation_error: {
    usually: "a task context that the handler's schema does not accept",
    remedy: "Compare the task's context with the schema; every issue is in the message",
  },
  missing_dependency: {
    usually: "a step that is not named under `dependencies` in the template, or a branch that a decision left out",
    remedy: "Name the step under `dependencies`, or use `optionalDependency`",
  },
  invalid_result: {
    usually: "a missing `return`, a missing `await`, or a value that JSON cannot hold (NaN, Map, a function)",
    remedy: "Return plain data; `null` is a result, `undefined` is none",
  },
  never_settled: {
    usually: "a promise that waits for a timer or an event; a step has neither",
    remedy: "Await only what the step itself resolves; to wait for the world, fail with `retryAfterMs`",
  },
};
