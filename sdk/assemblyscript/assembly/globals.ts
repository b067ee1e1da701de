/**
 * What the compiler and its library would import from `env`, answered here; the build names these functions with `--use`.
 * A component has no `env`.
 */
import { log } from "./log";
import { wellFormed } from "./well-formed";

@external("tasker:handler/abort@1.0.0", "abort")
declare function hostAbort(
  message: usize,
  messageLength: i32,
  file: usize,
  fileLength: i32,
  line: u32,
  column: u32,
): void;

/** `throw` and failed assertions: the reason goes to the host, which makes a failure of it, then the run ends. */
export function __abort(
  message: string | null = null,
  file: string | null = null,
  line: u32 = 0,
  column: u32 = 0,
): void {
  const reason = message === null ? "aborted" : wellFormed(message);
  const place = file === null ? "" : file;
  hostAbort(changetype<usize>(reason), reason.length, changetype<usize>(place), place.length, line, column);
  unreachable();
}

/** Seeds `Math.random` where the glue has not done it yet: at the top level, the same in every run. */
export function __seed(): f64 {
  return 1;
}

export function __trace(
  message: string,
  n: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0,
): void {
  const values = [a0, a1, a2, a3, a4];
  let text = message;
  for (let at = 0; at < n; at++) text += " " + values[at].toString();
  log.trace(text);
}

/** `console`, writing to the step's log. */
export class __console {
  static log(message: string): void {
    log.info(message);
  }
  static info(message: string): void {
    log.info(message);
  }
  static debug(message: string): void {
    log.debug(message);
  }
  static warn(message: string): void {
    log.warn(message);
  }
  static error(message: string): void {
    log.error(message);
  }
}
