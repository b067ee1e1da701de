import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { TaskerError } from "../../core/errors/index.ts";
import type { AppDeps, AppEnv } from "./deps.ts";
import type { App } from "./document-route.ts";
import { errorResponse } from "./error-response.ts";
import { authentication } from "./middleware/authentication.ts";
import { requestId } from "./middleware/request-id.ts";
import { requestTimeout } from "./middleware/request-timeout.ts";
import { servingGate } from "./middleware/serving-gate.ts";
import { healthRoutes } from "./routes/health.ts";
import { listTasksRoute } from "./routes/list-tasks.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { openApiRoute } from "./routes/openapi.ts";
import { readStepsRoute } from "./routes/read-steps.ts";
import { readTaskRoute } from "./routes/read-task.ts";
import { statusRoute } from "./routes/status.ts";
import { submitTaskRoute } from "./routes/submit-task.ts";

/** The HTTP API over what it is given: no port, no process, no globals. */
export function createApp(deps: AppDeps): App {
  const app = new OpenAPIHono<AppEnv>();
  app.onError((error, c) => errorResponse(error, c, deps.logger));
  app.notFound((c) => {
    const found = `no route ${c.req.method} ${c.req.path.slice(0, 200)}`;
    const error = new TaskerError("TSK_REQUEST_ROUTE_UNKNOWN", { attempted: "Cannot answer the request", found });
    return errorResponse(error, c, deps.logger);
  });

  app.use(requestId(deps.clock));
  if (deps.settings.corsEnabled) {
    app.use(cors({ origin: "*", exposeHeaders: ["x-request-id", "retry-after", "location"] }));
  }
  app.use(requestTimeout(deps.settings.requestTimeoutSeconds, deps.clock));
  app.use(authentication(deps.authenticator));
  app.use("/v1/*", servingGate(deps.host));

  healthRoutes(app, deps);
  metricsRoute(app, deps);
  statusRoute(app, deps);
  submitTaskRoute(app, deps);
  listTasksRoute(app, deps);
  readTaskRoute(app, deps);
  readStepsRoute(app, deps);
  openApiRoute(app, deps.host.version);
  return app;
}
