import type { Logger } from "../../../src/core/logger.ts";
import type { Database } from "../../../src/host/database/connection.ts";
import type { HttpSettings } from "../../../src/host/http/deps.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../../src/host/http/server.ts";
import type { Authenticator } from "../../../src/host/identity/authenticator.ts";
import type { HandlerRegistry } from "../../../src/host/registry/handler-registry.ts";
import { absentDatabase } from "./absent-database.ts";
import { testApp } from "./test-app.ts";
import type { TestHostView } from "./host-view.ts";

export interface ServedApp extends AsyncDisposable {
  readonly url: string;
  readonly server: HttpServer;
  readonly host: TestHostView;
}

export interface ServeOptions {
  /** Default: one that is away. */
  readonly database?: Database;
  /** Default: one of the database, with settings for tests. */
  readonly registry?: HandlerRegistry;
  readonly settings?: Partial<HttpSettings>;
  /** Default: none is needed. */
  readonly authenticator?: Authenticator;
  /** Default: one that is silent. */
  readonly logger?: Logger;
  readonly bindAddress?: string;
  readonly limits?: Pick<HttpServerOptions, "drainMs" | "headersTimeoutMs">;
}

/** The API on a free port of loopback. */
export async function serveApp(options: ServeOptions = {}): Promise<ServedApp> {
  const { database = absentDatabase(), settings, authenticator, bindAddress = "127.0.0.1:0", limits } = options;
  const { app, host } = testApp(
    {
      database,
      ...(authenticator && { authenticator }),
      ...(options.registry && { registry: options.registry }),
      ...(options.logger && { logger: options.logger }),
    },
    settings,
  );
  const server = createHttpServer({ app, bindAddress, ...limits });
  const dispose = async (): Promise<void> => {
    await server.stop();
    if (options.database === undefined) await database.close();
  };
  try {
    await server.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return { url: server.url ?? "", server, host, [Symbol.asyncDispose]: dispose };
}
