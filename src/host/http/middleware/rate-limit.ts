import type { Context, MiddlewareHandler } from "hono";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TaskerError } from "../../../core/errors/index.ts";
import type { AppEnv } from "../deps.ts";
import { remoteAddress } from "../remote-address.ts";

/** 0 requests: no limit. */
export interface RateLimit {
  readonly requests: number;
  readonly windowSeconds: number;
}

/** Says how much is left, in the words of draft-ietf-httpapi-ratelimit-headers; outside of what may refuse. */
export function rateLimitHeaders({ requests, windowSeconds }: RateLimit): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    const left = c.get("rateLeft");
    if (left === undefined) return;
    c.res.headers.set("ratelimit-policy", `"caller";q=${requests};w=${windowSeconds}`);
    c.res.headers.set("ratelimit", `"caller";r=${left.remainingPoints};t=${seconds(left)}`);
  };
}

/**
 * Counts requests and refuses those beyond the limit, in this host's memory. A request counts for its address until its
 * caller is recognised, and for the caller from then on: guessing uses up the guesser's share, and callers behind one
 * address do not use up each other's. What probes ask counts for nobody.
 *
 * @throws TSK_REQUEST_RATE_LIMITED
 */
export function rateLimit({ requests, windowSeconds }: RateLimit): MiddlewareHandler<AppEnv> {
  if (requests === 0) return (_, next) => next();
  const limiter = new RateLimiterMemory({ points: requests, duration: windowSeconds });
  const count = async (c: Context<AppEnv>, key: string, who: string): Promise<void> => {
    try {
      c.set("rateLeft", await limiter.consume(key));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      c.set("rateLeft", error);
      throw new TaskerError("TSK_REQUEST_RATE_LIMITED", {
        attempted: `Cannot answer ${c.req.method} ${c.req.path.slice(0, 200)}`,
        found: `${who} has sent more than ${requests} requests in ${windowSeconds} s`,
        details: { retry_after_seconds: seconds(error) },
      });
    }
  };
  return async (c, next) => {
    if (PROBES.has(c.req.path)) return next();
    const address = `address:${networkOf(remoteAddress(c))}`;
    await count(c, address, "this address");
    const authenticate = c.get("authenticate");
    c.set("authenticate", async () => {
      const principal = await authenticate();
      const { kind, name } = principal.actor;
      if (kind === "anonymous") return principal;
      await limiter.reward(address);
      await count(c, `${kind}:${name}`, `${kind} "${name}"`);
      return principal;
    });
    return next();
  };
}

const PROBES: ReadonlySet<string> = new Set(["/health", "/health/live", "/health/ready"]);

/** Who has one IPv6 address has 2^64 of them: they count together, however they are written. */
function networkOf(address: string): string {
  const [text = ""] = address.split("%");
  if (!text.includes(":")) return address;
  const [head = [], tail] = text.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const groups = tail === undefined ? head : [...head, ...zeros(head, tail), ...tail];
  return groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":");
}

/** What `::` stands for; an IPv4 address at the end takes two groups. */
function zeros(head: readonly string[], tail: readonly string[]): readonly string[] {
  const dotted = tail.at(-1)?.includes(".") === true ? 1 : 0;
  return Array.from({ length: Math.max(0, 8 - head.length - tail.length - dotted) }, () => "0");
}

function seconds({ msBeforeNext }: RateLimiterRes): number {
  return Math.max(1, Math.ceil(msBeforeNext / 1_000));
}
