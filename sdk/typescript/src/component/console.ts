import { ExactNumber } from "../json/exact-number.ts";
import { log, type LogLevel } from "../log.ts";

type ConsoleMethod = (...values: readonly unknown[]) => void;

/** `console` that writes to the step's log: `log` and `info` as info, the others by their names. */
export function logConsole(): Readonly<Record<string, ConsoleMethod>> {
  return {
    log: at("info"),
    info: at("info"),
    debug: at("debug"),
    warn: at("warn"),
    error: at("error"),
    trace: at("trace"),
  };
}

function at(level: LogLevel): ConsoleMethod {
  return (...values) => log[level](values.map((value) => show(value)).join(" "));
}

function show(value: unknown): string {
  if (value instanceof Error) return value.stack ? `${String(value)}\n${value.stack}` : String(value);
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return String(value);
  try {
    return JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? member.toString() : member));
  } catch {
    return Object.prototype.toString.call(value);
  }
}
