import type { MiddlewareHandler } from "hono";
import type { Clock } from "../../../core/clock.ts";
import { uuidv7 } from "../../../core/ids.ts";
import type { AppEnv } from "../deps.ts";

/** What may enter the log from outside. */
const PLAIN_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Takes the caller's `x-request-id`, or makes one, and sends it back with every answer. */
export function requestId(clock: Clock): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const given = c.req.header("x-request-id");
    const id = given !== undefined && PLAIN_ID.test(given) ? given : uuidv7(clock.now());
    c.set("requestId", id);
    await next();
    c.res.headers.set("x-request-id", id);
  };
}
