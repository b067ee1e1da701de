import { runNow } from "./run-clock.ts";

const EngineDate = globalThis.Date;

/** `Date` whose "now" is the run's: the engine's clock is the host's (or the build machine's) and never seen. */
function VirtualDate(this: unknown, ...args: readonly unknown[]): unknown {
  if (new.target === undefined) return new EngineDate(runNow()).toString();
  return Reflect.construct(EngineDate, args.length === 0 ? [runNow()] : args, new.target);
}

/** The replacement for the global `Date`; `instanceof` and subclasses work as ever. */
export function virtualDate(): object {
  Object.defineProperty(VirtualDate, "name", { value: "Date" });
  VirtualDate.prototype = EngineDate.prototype;
  Object.defineProperty(EngineDate.prototype, "constructor", {
    value: VirtualDate,
    writable: true,
    configurable: true,
  });
  return Object.assign(VirtualDate, { now: runNow, parse: EngineDate.parse, UTC: EngineDate.UTC });
}
