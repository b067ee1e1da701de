import type { RateLimiterRes } from "rate-limiter-flexible";
import type { Clock } from "../../core/clock.ts";
import type { ErrorCode } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { Database } from "../database/connection.ts";
import type { HttpBindings } from "@hono/node-server";
import type { Principal } from "../domain/principal.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import type { RateLimit } from "./middleware/rate-limit.ts";
import type { HandlerRegistry } from "../registry/handler-registry.ts";
import type { HostView } from "./host-view.ts";

/** What the API stands on. */
export interface AppDeps {
  readonly host: HostView;
  readonly database: Database;
  readonly registry: HandlerRegistry;
  readonly authenticator: Authenticator;
  /** Undefined: `/metrics` does not exist (`health_monitoring.metrics_collection_enabled = false`). */
  readonly metrics: { render(): Promise<string> } | undefined;
  /** Told of every request that was turned away for who sent it, or how often; `code` is one of the catalogue. */
  readonly onTurnedAway: (code: ErrorCode) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: HttpSettings;
}

/** Of the sections `web`, `auth` and `step_processing`. */
export interface HttpSettings {
  readonly maxBodyBytes: number;
  readonly requestTimeoutSeconds: number;
  /** Names that a host on loopback answers to, besides loopback's own; undefined: the host is not on loopback. */
  readonly allowedHosts: readonly string[] | undefined;
  /** Origins whose pages may call the API; empty: CORS is off. */
  readonly corsOrigins: readonly string[];
  readonly rateLimit: RateLimit;
  /** `/metrics` asks for no credentials. */
  readonly metricsPublic: boolean;
  readonly maxContextBytes: number;
  readonly uploads: UploadSettings;
}

/** Of the sections `registry` and `sandbox.prepare`. */
export interface UploadSettings {
  readonly maxComponentBytes: number;
  readonly maxSourceMapBytes: number;
  /** How long the body may take to arrive. */
  readonly bodySeconds: number;
  /** How long the whole request may take: the body, the line before the gate, the gate. */
  readonly requestSeconds: number;
}

/** What the middleware leaves for the routes. */
export interface AppEnv {
  readonly Bindings: Partial<HttpBindings>;
  readonly Variables: {
    /** The caller's `x-request-id`, or one of ours. */
    requestId: string;
    /** Aborts when the request has taken too long. */
    deadline: AbortSignal;
    /** Finds out who calls, when a route asks. @throws TSK_AUTH_…, TSK_REQUEST_RATE_LIMITED, TSK_DATABASE_UNREACHABLE */
    authenticate: () => Promise<Principal>;
    /** Who calls: on every route that is not public. */
    principal: Principal;
    /** What the caller's rate limit leaves; undefined where nothing was counted. */
    rateLeft: RateLimiterRes | undefined;
  };
}
