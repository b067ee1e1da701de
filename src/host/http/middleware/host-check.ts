import type { MiddlewareHandler } from "hono";
import { TaskerError } from "../../../core/errors/index.ts";
import { isLoopback } from "../../config/loopback.ts";
import type { AppEnv } from "../deps.ts";

/**
 * Refuses what a page of another site makes a visitor's browser send, where the host is only guarded by being out of reach:
 * - under a name of that site's that leads to this machine (DNS rebinding): the `Host` header must be a loopback name, or
 *   one of `names`. Undefined: the host is reachable by any name, and asks for credentials instead.
 * - a change, sent across origins without asking first: a POST without a body needs no permission from us. Its `Origin` must
 *   be the host itself or one that CORS lets in. Programs send no `Origin`.
 *
 * @throws TSK_REQUEST_HOST_REFUSED, TSK_REQUEST_ORIGIN_REFUSED
 */
export function hostCheck({ names, origins }: HostCheckOptions): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const attempted = `Cannot answer ${c.req.method} ${c.req.path.slice(0, 200)}`;
    const host = c.req.header("host");
    if (names !== undefined && host !== undefined && !isKnown(host, names)) {
      throw new TaskerError("TSK_REQUEST_HOST_REFUSED", {
        attempted,
        found: `the host name ${JSON.stringify(host.slice(0, 80))}`,
        accepted: ["localhost", "a loopback address", ...names].join(", "),
      });
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && !READING.has(c.req.method) && !isWelcome(origin, host, origins)) {
      throw new TaskerError("TSK_REQUEST_ORIGIN_REFUSED", {
        attempted,
        found: `a page of origin ${JSON.stringify(origin.slice(0, 80))}`,
        accepted: "pages of this host, and of web.cors_origins",
      });
    }
    await next();
  };
}

interface HostCheckOptions {
  readonly names: readonly string[] | undefined;
  /** Those that CORS lets in; `*`: any. */
  readonly origins: readonly string[];
}

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

function isKnown(header: string, names: readonly string[]): boolean {
  const name = header
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
  return isLoopback(name) || names.some((known) => known.toLowerCase() === name);
}

function isWelcome(origin: string, host: string | undefined, origins: readonly string[]): boolean {
  return origins.includes("*") || origins.includes(origin) || URL.parse(origin)?.host === host;
}
