/** How much stack V8 may use in a child, so that a guest's metered depth ends before it on every machine. */
import { TaskerError } from "../../core/errors/index.ts";
import { stackBytesFor } from "../prepare/meter/index.ts";

/** Where `prlimit` gives children a stack of 64 MiB: room for the deepest call that the meter can count, twice. */
export const GENEROUS_STACK_KILOBYTES = 16_384;
/** Of the stack that the kernel gives; the rest is for what V8 does not count. 6,000 of the usual 8,192 KiB. */
const COUNTED_SHARE = 0.7325;
const USUAL_LIMIT_KILOBYTES = 8_192;

/** Kilobytes for V8 under the limit that a text like `/proc/self/limits` tells; undefined where there is none. */
export function stackKilobytesWithin(limits: string | undefined): number {
  const soft = /^Max stack size\s+(\d+)/m.exec(limits ?? "")?.[1];
  const kilobytes = soft === undefined ? USUAL_LIMIT_KILOBYTES : Number(soft) / 1_024;
  return Math.min(GENEROUS_STACK_KILOBYTES, Math.floor(kilobytes * COUNTED_SHARE));
}

/** @throws TSK_SANDBOX_STACK_TOO_SMALL where V8's stack would end before a call depth of this limit does. */
export function refuseSmallStack(stackKilobytes: number, callDepth: number): void {
  const needed = Math.ceil(stackBytesFor(callDepth) / 1_024);
  if (needed <= stackKilobytes) return;
  throw new TaskerError("TSK_SANDBOX_STACK_TOO_SMALL", {
    attempted: `Cannot give sandbox processes the stack that sandbox.limits.max_call_depth = ${callDepth} needs`,
    found: `${stackKilobytes} KiB that V8 may use`,
    accepted: `at least ${needed} KiB`,
  });
}
