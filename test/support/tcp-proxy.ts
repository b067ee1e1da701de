import { once } from "node:events";
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";

/**
 * What the network between a client and a server does. `pass` is a good network. `blackhole` lets nothing through in either
 * direction and says nothing about it, neither data nor ends; what was sent arrives once it is over, as TCP has it. `reset`
 * breaks every connection at once, and each new one. `answers-lost` carries requests out and loses what comes back: the other
 * end's work is done and nobody hears of it. `latencyMs` is waited in each direction; `bytesPerMs` is how fast each direction
 * of a connection is.
 */
type ProxyMode =
  | "pass"
  | "blackhole"
  | "reset"
  | "answers-lost"
  | { readonly latencyMs: number }
  | { readonly bytesPerMs: number };

type ProxyTarget = { readonly host: string; readonly port: number } | { readonly socketPath: string };

export interface TcpProxy extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  setMode(mode: ProxyMode): void;
  /** Resets every open connection; new ones go by the mode. */
  dropAll(): void;
  /** Resets every connection and stops to listen. Safe twice. */
  close(): Promise<void>;
}

/** A proxy on a free port of 127.0.0.1 in front of `target`, in mode `pass`. The target may be absent, and come and go. */
export async function startProxy(target: ProxyTarget): Promise<TcpProxy> {
  const links = new Set<Link>();
  let mode: ProxyMode = "pass";
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (mode === "reset") {
      client.on("error", () => undefined);
      reset(client);
      return;
    }
    const link = new Link(client, target, () => links.delete(link));
    links.add(link);
    link.setMode(mode);
  });
  const port = await listen(server);

  const dropAll = (): void => {
    for (const link of links) link.drop();
  };
  const close = async (): Promise<void> => {
    dropAll();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  return {
    port,
    get connections() {
      return links.size;
    },
    setMode: (next) => {
      mode = next;
      if (mode === "reset") dropAll();
      else for (const link of links) link.setMode(mode);
    },
    dropAll,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no TCP port");
  return address.port;
}

/**
 * Breaks a TCP connection off: the other end sees a reset, or the end that is on its way to it. Node fails to reset a socket
 * in the moment between the two, never closes it afterwards, and its process spins at its exit, waiting for that.
 */
export function reset(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** One client's connection and the one to the server behind it. */
class Link {
  readonly #client: Socket;
  #server: Socket | undefined;
  readonly #target: ProxyTarget;
  readonly #ended: () => void;
  readonly #ways: Way[] = [];
  #mode: ProxyMode = "pass";

  constructor(client: Socket, target: ProxyTarget, ended: () => void) {
    this.#client = client;
    this.#target = target;
    this.#ended = ended;
    client.pause();
    client.on("error", () => this.drop());
    client.on("close", () => this.drop());
  }

  setMode(mode: ProxyMode): void {
    this.#mode = mode;
    // A connection made in a black hole reaches its server when the hole is over.
    if (mode !== "blackhole") this.#open();
    for (const way of this.#ways) way.setMode(mode);
  }

  /** Both ends see a reset. */
  drop(): void {
    for (const way of this.#ways) way.stop();
    reset(this.#client);
    // A unix socket knows no reset; Node refuses to send one.
    if ("socketPath" in this.#target) this.#server?.destroy();
    else if (this.#server !== undefined) reset(this.#server);
    this.#ended();
  }

  #open(): void {
    if (this.#server !== undefined || this.#client.destroyed) return;
    const options: NetConnectOpts =
      "socketPath" in this.#target ? { path: this.#target.socketPath } : { ...this.#target, noDelay: true };
    const server = connect({ ...options, allowHalfOpen: true });
    this.#server = server;
    server.on("error", () => this.drop());
    server.on("close", () => this.drop());
    this.#ways.push(new Way(this.#client, server, false), new Way(server, this.#client, true));
    for (const way of this.#ways) way.setMode(this.#mode);
  }
}

/** One direction of a connection: keeps the order of what it carries, and reads no faster than the other end takes it. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #carriesAnswers: boolean;
  readonly #timers = new Set<NodeJS.Timeout>();
  #mode: ProxyMode = "pass";
  /** When the last chunk that was delayed arrives: none may overtake it. */
  #lastArrival = 0;

  constructor(from: Socket, to: Socket, carriesAnswers: boolean) {
    this.#from = from;
    this.#to = to;
    this.#carriesAnswers = carriesAnswers;
    from.on("data", (chunk: Buffer) => this.#carry(chunk.length, () => this.#write(chunk)));
    from.on("end", () => this.#carry(0, () => to.end()));
    to.on("drain", () => this.#readOn());
  }

  setMode(mode: ProxyMode): void {
    this.#mode = mode;
    if (mode === "blackhole") this.#from.pause();
    else this.#readOn();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #carry(bytes: number, deliver: () => void): void {
    const mode = this.#mode;
    if (mode === "answers-lost" && this.#carriesAnswers) return;
    const now = performance.now();
    if (typeof mode === "object" && "bytesPerMs" in mode) {
      this.#lastArrival = Math.max(this.#lastArrival, now) + bytes / mode.bytesPerMs;
    } else {
      this.#lastArrival = Math.max(this.#lastArrival, now + (typeof mode === "object" ? mode.latencyMs : 0));
    }
    if (this.#lastArrival <= now) {
      deliver();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      deliver();
    }, this.#lastArrival - now);
    this.#timers.add(timer);
  }

  #write(chunk: Buffer): void {
    if (!this.#to.destroyed && !this.#to.write(chunk)) this.#from.pause();
  }

  #readOn(): void {
    if (this.#mode !== "blackhole" && !this.#from.destroyed) this.#from.resume();
  }
}
