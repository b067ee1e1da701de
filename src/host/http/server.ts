import { createServer, type Server, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { TaskerError } from "../../core/errors/index.ts";
import type { Service } from "../../core/service.ts";
import { hostOf } from "../config/loopback.ts";
import type { App } from "./document-route.ts";

export interface HttpServerOptions {
  readonly app: App;
  /** `host:port`; port 0 takes any free one. */
  readonly bindAddress: string;
  /** How long `stop` lets requests under way finish, in milliseconds. Default 5000. */
  readonly drainMs?: number;
  /** How long the headers of a request may take, in milliseconds. Default 10000. The app's deadline begins after them. */
  readonly headersTimeoutMs?: number;
  /** Further connections are closed as they come. Default: no limit. */
  readonly maxConnections?: number;
}

export interface HttpServer extends Service {
  /** `http://host:port` as it listens; undefined before `start`. */
  readonly url: string | undefined;
}

/**
 * Serves the app over HTTP/1.1.
 *
 * `start` throws TSK_REQUEST_ADDRESS_UNAVAILABLE. `stop` takes no new connections, closes idle ones at once and those
 * with a request under way when it is answered, or after `drainMs`.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new NodeHttpServer(options);
}

class NodeHttpServer implements HttpServer {
  readonly #server: Server;
  readonly #bindAddress: string;
  readonly #drainMs: number;
  readonly #unanswered = new Set<ServerResponse>();
  #url: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor({ app, bindAddress, drainMs = 5_000, headersTimeoutMs = 10_000, maxConnections }: HttpServerOptions) {
    this.#bindAddress = bindAddress;
    this.#drainMs = drainMs;
    this.#server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        // Node looks for connections that are over their time this often, and by default every 30 s only.
        connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
        // Longer than balancers keep theirs, 60 s mostly: the end that closes first may miss a request on its way, which the
        // client sees as a reset. A host that stood still for so long does that, too, as timers fire before sockets are read.
        keepAliveTimeout: 75_000,
      },
      getRequestListener(app.fetch, { overrideGlobalObjects: false }),
    );
    if (maxConnections !== undefined) this.#server.maxConnections = maxConnections;
    this.#server.on("request", (_, response) => {
      this.#unanswered.add(response);
      response.once("close", () => this.#unanswered.delete(response));
      if (this.#stopping !== undefined) lastOfConnection(response);
    });
  }

  get url(): string | undefined {
    return this.#url;
  }

  async start(): Promise<void> {
    const { host, port } = splitAddress(this.#bindAddress);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    }).catch((cause: unknown) => {
      throw unavailable(this.#bindAddress, cause);
    });
    const address = this.#server.address();
    const actualPort = typeof address === "object" && address !== null ? address.port : port;
    this.#url = `http://${host.includes(":") ? `[${host}]` : host}:${actualPort}`;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    // `close` ends idle connections, and would wait for those that are kept alive after the request under way.
    for (const response of this.#unanswered) lastOfConnection(response);
    const timer = setTimeout(() => this.#server.closeAllConnections(), this.#drainMs);
    await closed;
    clearTimeout(timer);
    this.#url = undefined;
  }
}

function lastOfConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}

function splitAddress(bindAddress: string): { host: string; port: number } {
  return { host: hostOf(bindAddress), port: Number(bindAddress.slice(bindAddress.lastIndexOf(":") + 1)) };
}

function unavailable(bindAddress: string, cause: unknown): TaskerError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "an unknown reason";
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "something else listens there already",
    EADDRNOTAVAIL: "this machine has no such address",
    EACCES: "this user may not listen there",
    ENOTFOUND: "the name has no address",
  };
  return new TaskerError("TSK_REQUEST_ADDRESS_UNAVAILABLE", {
    attempted: `Cannot listen on "${bindAddress}"`,
    found: reasons[code] ?? code,
    cause,
  });
}
