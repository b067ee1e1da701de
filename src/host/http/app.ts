import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import type { AppDeps, AppEnv } from "./deps.ts";
import type { App } from "./document-route.ts";
import { errorResponse } from "./error-response.ts";
import { authentication } from "./middleware/authentication.ts";
import { hostCheck } from "./middleware/host-check.ts";
import { rateLimit, rateLimitHeaders } from "./middleware/rate-limit.ts";
import { requestId } from "./middleware/request-id.ts";
import { requestTimeout } from "./middleware/request-timeout.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { servingGate } from "./middleware/serving-gate.ts";
import { auditRoute } from "./routes/audit.ts";
import { grantsRoutes } from "./routes/grants.ts";
import { changeHandlerRoutes } from "./routes/handlers/change.ts";
import { listHandlersRoute } from "./routes/handlers/list.ts";
import { readHandlerRoutes } from "./routes/handlers/read.ts";
import { isUpload, uploadRoute } from "./routes/handlers/upload.ts";
import { healthRoutes } from "./routes/health.ts";
import { listTasksRoute } from "./routes/list-tasks.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { openApiRoutes } from "./routes/openapi.ts";
import { readStepsRoute } from "./routes/read-steps.ts";
import { readTaskRoute } from "./routes/read-task.ts";
import { statusRoute } from "./routes/status.ts";
import { submitTaskRoute } from "./routes/submit-task.ts";

/** The HTTP API over what it is given: no port, no process, no globals. */
export function createApp(deps: AppDeps): App {
  const app = new OpenAPIHono<AppEnv>();
  app.onError((error, c) => {
    if (isTaskerError(error) && TURNED_AWAY.has(error.entry.httpStatus)) deps.onTurnedAway(error.code);
    return errorResponse(error, c, deps.logger);
  });
  app.notFound((c) => {
    const found = `no route ${c.req.method} ${c.req.path.slice(0, 200)}`;
    const error = new TaskerError("TSK_REQUEST_ROUTE_UNKNOWN", { attempted: "Cannot answer the request", found });
    return errorResponse(error, c, deps.logger);
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An API token or a JWT; docs/access.md",
  });

  // Nothing here reads the body: who may not be here costs no more than the headers.
  const { settings } = deps;
  app.use(requestId(deps.clock));
  app.use(securityHeaders());
  app.use(rateLimitHeaders(settings.rateLimit));
  app.use(hostCheck({ names: settings.allowedHosts, origins: settings.corsOrigins }));
  if (settings.corsOrigins.length > 0) app.use(crossOrigin(settings.corsOrigins));
  app.use(
    requestTimeout((c) => {
      const { requestTimeoutSeconds, uploads } = settings;
      return isUpload(c.req) ? Math.max(uploads.requestSeconds, requestTimeoutSeconds) : requestTimeoutSeconds;
    }, deps.clock),
  );
  app.use(authentication(deps.authenticator));
  app.use(rateLimit(settings.rateLimit));
  app.use("/v1/*", servingGate(deps.host));

  healthRoutes(app, deps);
  metricsRoute(app, deps);
  statusRoute(app, deps);
  submitTaskRoute(app, deps);
  listTasksRoute(app, deps);
  readTaskRoute(app, deps);
  readStepsRoute(app, deps);
  uploadRoute(app, deps);
  listHandlersRoute(app, deps);
  readHandlerRoutes(app, deps);
  changeHandlerRoutes(app, deps);
  grantsRoutes(app, deps);
  auditRoute(app, deps);
  openApiRoutes(app, deps.host.version);
  return app;
}

/** For who the caller is, or how often it calls. */
const TURNED_AWAY: ReadonlySet<number> = new Set([401, 403, 429]);

/** Any origin is answered alike, so that caches need not tell them apart; no cookies, as there are none. */
function crossOrigin(origins: readonly string[]): MiddlewareHandler<AppEnv> {
  return cors({
    origin: origins.includes("*") ? "*" : [...origins],
    allowMethods: ["GET", "POST", "PATCH", "DELETE"],
    allowHeaders: ["authorization", "content-type", "x-api-key", "x-request-id"],
    exposeHeaders: ["x-request-id", "retry-after", "location", "www-authenticate", "ratelimit", "ratelimit-policy"],
    maxAge: 600,
  });
}
