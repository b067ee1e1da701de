import type { Context } from "hono";
import type { AppEnv } from "./deps.ts";

/**
 * The address at the other end of the connection. `X-Forwarded-For` is not read: anybody can write it. Behind a proxy this is
 * the proxy's address.
 */
export function remoteAddress(c: Context<AppEnv>): string {
  // Called without a server, as tests do, the app has no environment at all.
  const connection: AppEnv["Bindings"] | undefined = c.env;
  const address = connection?.incoming?.socket.remoteAddress ?? "in-process";
  // A socket that takes both families shows addresses of the older one so.
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, "");
}
