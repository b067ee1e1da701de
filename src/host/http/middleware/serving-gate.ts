import type { MiddlewareHandler } from "hono";
import { TaskerError } from "../../../core/errors/index.ts";
import type { AppEnv } from "../deps.ts";
import type { HostView } from "../host-view.ts";

/** Refuses work with 503 while the host starts or shuts down. Health and metrics stay outside. */
export function servingGate(host: HostView): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const state = host.state();
    if (state !== "normal") {
      throw new TaskerError("TSK_REQUEST_HOST_NOT_SERVING", {
        attempted: `Cannot answer ${c.req.method} ${c.req.path}`,
        found: `the host is in state "${state}"`,
      });
    }
    await next();
  };
}
