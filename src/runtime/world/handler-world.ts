/**
 * The types of `wit/tasker-handler@1.0.0` as this runtime lowers and lifts them; a test holds them to the WIT files.
 */
import {
  bool,
  enumeration,
  func,
  list,
  option,
  record,
  string,
  tuple,
  u16,
  u32,
  u64,
  variant,
} from "../component/value-type.ts";

export const HANDLER_EXPORT = "tasker:handler/step-handler@1.0.0";
/** Interfaces of the contract that a component may import, with the one version there is. */
export const HANDLER_PACKAGE_VERSION = "1.0.0";

const json = string;
const attributes = list(tuple(string, string));
const checkpoint = record({ cursor: json, "items-processed": u64, accumulated: option(json) });

const stepContext = record({
  "task-uuid": string,
  "step-uuid": string,
  "correlation-id": string,
  "parent-correlation-id": option(string),
  namespace: string,
  "task-name": string,
  "task-version": string,
  "step-name": string,
  "template-step-name": string,
  callable: string,
  method: option(string),
  attempt: u32,
  "max-attempts": u32,
  "now-ms": u64,
  "deadline-ms": u64,
  seed: u64,
  context: json,
  inputs: json,
  config: json,
  "dependency-results": list(record({ "step-name": string, result: json })),
  checkpoint: option(checkpoint),
  attributes,
});

const success = record({ result: json, metadata: json, attributes });

const failure = record({
  message: string,
  "error-type": string,
  "error-code": option(string),
  retryable: bool,
  "status-code": option(u16),
  "retry-after-ms": option(u64),
  context: json,
  attributes,
});

const outcome = variant({ success, failure, "checkpoint-yield": checkpoint });

const manifest = record({ name: string, version: string, callables: list(string), sdk: string });

export const DESCRIBE = func({}, manifest);
export const HANDLE = func({ context: stepContext }, outcome);

export const LOG_LEVEL_LABELS = ["trace", "debug", "info", "warn", "error"] as const;

export const HANDLER_INTERFACES = {
  "tasker:handler/types": {},
  "tasker:handler/log": {
    log: func({ level: enumeration(...LOG_LEVEL_LABELS), message: string, fields: json }),
  },
  "tasker:handler/abort": {
    abort: func({ message: string, file: string, line: u32, column: u32 }),
  },
} as const;
