import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createApp } from "../../../src/host/http/app.ts";
import type { AppDeps, HttpSettings } from "../../../src/host/http/deps.ts";
import type { App } from "../../../src/host/http/document-route.ts";
import { NO_AUTHENTICATION } from "../../../src/host/identity/authenticator.ts";
import { testRegistry } from "../../registry/support/test-registry.ts";
import { testHostView, type TestHostView } from "./host-view.ts";

const TEST_SETTINGS: HttpSettings = {
  maxBodyBytes: 10_000,
  requestTimeoutSeconds: 30,
  allowedHosts: undefined,
  corsOrigins: [],
  rateLimit: { requests: 0, windowSeconds: 60 },
  metricsPublic: true,
  maxContextBytes: 5_000,
  uploads: { maxComponentBytes: 1_000_000, maxSourceMapBytes: 100_000, bodySeconds: 30, requestSeconds: 60 },
};

/** The API over a database, without a server. */
export function testApp(
  deps: Pick<AppDeps, "database"> & Partial<AppDeps>,
  settings: Partial<HttpSettings> = {},
): { readonly app: App; readonly host: TestHostView } {
  const host = testHostView();
  const app = createApp({
    host,
    onTurnedAway: () => undefined,
    authenticator: NO_AUTHENTICATION,
    metrics: undefined,
    clock: systemClock,
    logger: silentLogger,
    registry: testRegistry(deps.database),
    ...deps,
    settings: { ...TEST_SETTINGS, ...settings },
  });
  return { app, host };
}
