import type { ErrorEntry } from "./catalogue.ts";

/** Requests over HTTP or the command line that cannot be carried out, and the server that takes them. */
export const REQUEST_ERRORS = {
  TSK_REQUEST_INVALID: {
    summary: "A parameter or a body member is missing, of the wrong type or out of range",
    fault: "user",
    remedy: "Correct the member that the error names",
    httpStatus: 400,
  },
  TSK_REQUEST_UUID_INVALID: {
    summary: "A path or a parameter holds something else where a UUID belongs",
    fault: "user",
    remedy: "Take the UUID from the answer to the submission, or from `GET /v1/tasks`",
    httpStatus: 400,
  },
  TSK_COMMAND_LINE_INVALID: {
    summary: "The command line names a command, an argument or an option that there is not, or leaves one out",
    fault: "user",
    remedy: "`--help` behind the command shows what it takes",
    httpStatus: 400,
  },
  TSK_REQUEST_FILE_UNREADABLE: {
    summary: "A file that the command line names cannot be read",
    fault: "user",
    remedy:
      "Correct the path; it counts from the working folder, and `tasker-host build FOLDER` prints where components are",
    httpStatus: 400,
  },
  TSK_REQUEST_TOO_LARGE: {
    summary: "The body of the request is larger than the API takes",
    fault: "user",
    remedy: "Send less, or raise `web.max_body_bytes`",
    httpStatus: 413,
  },
  TSK_REQUEST_BODY_INCOMPLETE: {
    summary: "The connection ended before the body of the request was whole; nothing was done",
    fault: "user",
    remedy: "Send the request again",
    httpStatus: 400,
  },
  TSK_REQUEST_COMPONENT_TOO_LARGE: {
    summary: "The component of an upload is larger than the host takes",
    fault: "user",
    remedy: "Leave out what the handler does not need, or raise `sandbox.prepare.max_component_bytes`",
    httpStatus: 413,
  },
  TSK_REQUEST_SOURCE_MAP_TOO_LARGE: {
    summary: "The source map of an upload is larger than the host takes",
    fault: "user",
    remedy: "Upload without it (backtraces then name places in the bundle), or raise `registry.max_source_map_bytes`",
    httpStatus: 413,
  },
  TSK_REQUEST_UPLOAD_TIMEOUT: {
    summary: "The body of an upload was not there in time",
    fault: "user",
    remedy: "Upload over a faster connection, or raise `registry.upload_timeout_seconds`",
    httpStatus: 408,
  },
  TSK_REQUEST_TIMEOUT: {
    summary: "The request was not complete, or not answered, in time",
    fault: "system",
    remedy: "Try again; if it repeats, look at the load of host and database, or raise `web.request_timeout_seconds`",
    httpStatus: 408,
  },
  TSK_REQUEST_RATE_LIMITED: {
    summary: "The caller, or its address, has sent more requests than the host answers in this time",
    fault: "user",
    remedy: "Try again after the seconds that `Retry-After` names, or raise `web.rate_limit_requests`",
    httpStatus: 429,
  },
  TSK_REQUEST_HOST_REFUSED: {
    summary: "The `Host` header names a machine that a host on loopback does not answer for",
    fault: "user",
    remedy: "Use `localhost` or the address itself; names of proxies in front belong into `web.allowed_hosts`",
    httpStatus: 403,
  },
  TSK_REQUEST_ORIGIN_REFUSED: {
    summary: "A page of another origin asked for a change",
    fault: "user",
    remedy: "Add the page's origin to `web.cors_origins` if it is to use the API",
    httpStatus: 403,
  },
  TSK_REQUEST_ROUTE_UNKNOWN: {
    summary: "The API has no such method and path",
    fault: "user",
    remedy: "`GET /openapi.json` lists what there is",
    httpStatus: 404,
  },
  TSK_REQUEST_HOST_NOT_SERVING: {
    summary: "The host is starting or shutting down and takes no requests",
    fault: "system",
    remedy: "Try again after the seconds that `Retry-After` names, or ask another host",
    httpStatus: 503,
  },
  TSK_REQUEST_API_UNREACHABLE: {
    summary: "The API did not answer the command",
    fault: "system",
    remedy: "Start a host with `tasker-host run`, or point to one with `--url` or `orchestration_api.base_url`",
    httpStatus: 503,
  },
  TSK_REQUEST_API_ANSWER: {
    summary: "The API answered something that the command does not understand",
    fault: "system",
    remedy: "Check that the address is that of a tasker-host or of a Tasker orchestrator",
    httpStatus: 500,
  },
  TSK_REQUEST_ADDRESS_UNAVAILABLE: {
    summary: "The host cannot listen on the address of its API",
    fault: "user",
    remedy: "Stop what listens there, or choose another address with `web.bind_address` (port 0 takes any free port)",
    httpStatus: 500,
  },
  TSK_TASK_DUPLICATE: {
    summary: "A task with the same template and context (or idempotency key) exists already",
    fault: "user",
    remedy: "Use the existing task, or make the context differ, for example by a run id",
    httpStatus: 409,
  },
  TSK_TASK_TEMPLATE_UNKNOWN: {
    summary: "No template of this namespace, name and version is registered",
    fault: "user",
    remedy: "Correct the name, or start a host that loads the template",
    httpStatus: 404,
  },
  TSK_TASK_NOT_FOUND: {
    summary: "There is no task with this UUID",
    fault: "user",
    remedy: "Check the UUID, and that host and command use the same database",
    httpStatus: 404,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
