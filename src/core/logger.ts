import type { DestinationStream, Logger as PinoLogger } from "pino";
import { pino } from "pino";

/** Structured log lines: `logger.info({ namespace }, "claimed a batch")`. Never a context, result or secret in a line. */
export type Logger = Pick<PinoLogger, "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "level"> & {
  child(fields: Record<string, unknown>): Logger;
};

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger of JSON lines. `destination` defaults to standard error, so that standard output stays for results. */
export function createLogger(options: { readonly level: LogLevel; readonly destination?: DestinationStream }): Logger {
  return pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

export const silentLogger: Logger = createLogger({ level: "silent" });
