import { stringifyJson } from "./json/stringify-json.ts";
import { storable } from "./storable.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** Where log lines go: `fields` is a JSON object as text, or empty. */
export type LogSink = (level: LogLevel, message: string, fields: string) => void;

/** Outside a component (an author's unit test, the build) lines go nowhere. */
let sink: LogSink = () => {};

/** Sends the lines to `to` from now on. For the component's glue. */
export function setLogSink(to: LogSink): void {
  sink = to;
}

function write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void {
  // Authors of JavaScript may log anything; the contract carries text.
  sink(level, storable(message), fields === undefined ? "" : fieldsText(fields));
}

/** A log line is no reason to fail a step: fields that have no JSON are named as such. */
function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  try {
    return stringifyJson(fields);
  } catch (error) {
    return stringifyJson({ unloggable: error instanceof Error ? error.message.toWellFormed() : "fields" });
  }
}

/** Lines for the step's log. `fields` are kept as JSON beside the message. Lines are counted and capped by the host. */
export const log = {
  trace: (message: string, fields?: Readonly<Record<string, unknown>>): void => write("trace", message, fields),
  debug: (message: string, fields?: Readonly<Record<string, unknown>>): void => write("debug", message, fields),
  info: (message: string, fields?: Readonly<Record<string, unknown>>): void => write("info", message, fields),
  warn: (message: string, fields?: Readonly<Record<string, unknown>>): void => write("warn", message, fields),
  error: (message: string, fields?: Readonly<Record<string, unknown>>): void => write("error", message, fields),
} as const;
