import { Json } from "./json";
import { wellFormed } from "./well-formed";

@external("tasker:handler/log@1.0.0", "log")
declare function hostLog(level: i32, message: usize, messageLength: i32, fields: usize, fieldsLength: i32): void;

function write(level: i32, message: string, fields: Json | null): void {
  const line = wellFormed(message);
  const text = fields === null ? "" : fields.toString();
  hostLog(level, changetype<usize>(line), line.length, changetype<usize>(text), text.length);
}

/** Lines for the step's log; `fields` is an object. Lines are counted and capped by the host. */
export namespace log {
  export function trace(message: string, fields: Json | null = null): void {
    write(0, message, fields);
  }
  export function debug(message: string, fields: Json | null = null): void {
    write(1, message, fields);
  }
  export function info(message: string, fields: Json | null = null): void {
    write(2, message, fields);
  }
  export function warn(message: string, fields: Json | null = null): void {
    write(3, message, fields);
  }
  export function error(message: string, fields: Json | null = null): void {
    write(4, message, fields);
  }
}
