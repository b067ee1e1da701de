import type { Context, MiddlewareHandler } from "hono";
import type { Clock } from "../../../core/clock.ts";
import { TaskerError } from "../../../core/errors/index.ts";
import type { AppEnv } from "../deps.ts";

/** Answers with 408 when a request, body and all, takes longer; `deadline` tells the route to give up. */
export function requestTimeout(secondsFor: (c: Context<AppEnv>) => number, clock: Clock): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const seconds = secondsFor(c);
    const answered = new AbortController();
    const deadline = new AbortController();
    c.set("deadline", deadline.signal);
    const expire = async (): Promise<void> => {
      await clock.wait(seconds * 1_000, answered.signal);
      if (answered.signal.aborted) return;
      const error = new TaskerError("TSK_REQUEST_TIMEOUT", {
        attempted: `Cannot answer ${c.req.method} ${c.req.path}`,
        found: `it took longer than ${seconds} s`,
      });
      deadline.abort(error);
      throw error;
    };
    try {
      await Promise.race([next(), expire()]);
    } finally {
      answered.abort();
    }
  };
}
