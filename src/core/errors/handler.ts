import type { ErrorEntry } from "./catalogue.ts";

/** How a step can end without success. Each is an error_code of a step execution result. */
export const HANDLER_ERRORS = {
  TSK_HANDLER_NOT_FOUND: {
    summary:
      "No component or native handler serves the callable of the step, and none ever did; the step is not retried",
    fault: "user",
    remedy: "Build and load the component that lists the callable, or correct `handler.callable` in the template",
    httpStatus: 404,
  },
  TSK_HANDLER_INACTIVE: {
    summary:
      "What served the callable of the step is not active any more, and nothing took its place; the step is retried",
    fault: "user",
    remedy:
      "Promote a version that lists the callable (`tasker-host handlers promote`), or undo the change with `tasker-host handlers rollback`",
    httpStatus: 409,
  },
  TSK_HANDLER_NOT_GRANTED: {
    summary: "The handler imports what its namespace was not granted; the step is not retried",
    fault: "user",
    remedy: "Grant the capability with `tasker-host grants set`, or promote a version without the import",
    httpStatus: 409,
  },
  TSK_HANDLER_PAYLOAD_EXCEEDED: {
    summary: "What the handler would be given is larger than its namespace allows; the step is not retried",
    fault: "user",
    remedy: "Pass references instead of data, or raise `max_payload_bytes` with `tasker-host grants set`",
    httpStatus: 422,
  },
  TSK_HANDLER_OUT_OF_FUEL: {
    summary: "The handler used up its fuel; it would do so again, so the step is not retried",
    fault: "guest",
    remedy:
      "Look for an endless loop (what was logged before it says how far it came), do less in one step, or raise the limit where it is set: `sandbox.limits.fuel`, or `tasker-host grants set`",
    httpStatus: 422,
  },
  TSK_HANDLER_MEMORY_EXCEEDED: {
    summary: "The handler needed more memory than it may have; it would again, so the step is not retried",
    fault: "guest",
    remedy:
      "Hold less at once, split the work into steps or batches, or raise the limit where it is set: `sandbox.limits.max_memory_bytes`, or `tasker-host grants set`",
    httpStatus: 422,
  },
  TSK_HANDLER_STACK_EXHAUSTED: {
    summary: "The handler nested its calls too deeply; it would again, so the step is not retried",
    fault: "guest",
    remedy: "Look for a recursion without end, turn a deep one into a loop, or raise `sandbox.limits.max_call_depth`",
    httpStatus: 422,
  },
  TSK_HANDLER_TRAPPED: {
    summary:
      "The handler trapped: unreachable code, an access out of bounds, a division by zero; the step is not retried",
    fault: "guest",
    remedy: "The backtrace says where; in AssemblyScript a trap is often a null or an index out of range",
    httpStatus: 422,
  },
  TSK_HANDLER_TIMEOUT: {
    summary: "The handler ran longer than the step may and was killed; the step is retried",
    fault: "guest",
    remedy:
      "Do less in one step, or raise the limit where it is set: `timeout_seconds` of the step in its template, or `tasker-host grants set`",
    httpStatus: 422,
  },
  TSK_HANDLER_RESULT_INVALID: {
    summary: "What the handler returned is not a result of the contract; it would again, so the step is not retried",
    fault: "guest",
    remedy: "Return a value that JSON can hold, built with the SDK's helpers",
    httpStatus: 422,
  },
  TSK_HANDLER_OUTPUT_EXCEEDED: {
    summary: "The handler's result, log, error or number of host calls is beyond its limit; the step is not retried",
    fault: "guest",
    remedy: "Return a reference instead of the data, or raise the limit that the error names in `sandbox.limits`",
    httpStatus: 422,
  },
  TSK_HANDLER_HOST_CALL_FAILED: {
    summary: "A call that the handler made into the host failed; the step is retried",
    fault: "system",
    remedy: "The message says which capability failed and why",
    httpStatus: 503,
  },
  TSK_HANDLER_SANDBOX_LOST: {
    summary: "The process that ran the handler was lost before it could answer; the step is retried",
    fault: "system",
    remedy: "Nothing to do once; if it repeats for one handler, look at what it does when it runs alone",
    httpStatus: 503,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
