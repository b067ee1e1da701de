import type { Context, MiddlewareHandler } from "hono";
import type { Authenticator } from "../../identity/authenticator.ts";
import type { AppEnv } from "../deps.ts";
import { remoteAddress } from "../remote-address.ts";

/** Leaves `authenticate` for the routes: one that is public asks nobody, and costs no look into the database. */
export function authentication(authenticator: Authenticator): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set("authenticate", () => authenticator.authenticate(credentialsOf(c), remoteAddress(c)));
    await next();
  };
}

/** `Authorization: Bearer …`, or Tasker's `X-API-Key`. Another scheme counts as credentials that nobody knows. */
function credentialsOf(c: Context<AppEnv>): string | undefined {
  const authorization = c.req.header("authorization");
  if (authorization === undefined) return c.req.header("x-api-key");
  return /^bearer +(.*)$/i.exec(authorization)?.[1] ?? authorization;
}
