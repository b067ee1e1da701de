import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { reset, startProxy, type TcpProxy } from "./tcp-proxy.ts";

/** A server that answers every chunk with itself, and a proxy before it. */
async function setup(): Promise<AsyncDisposable & { readonly proxy: TcpProxy; readonly received: string[] }> {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      received.push(chunk.toString());
      socket.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const proxy = await startProxy({ host: "127.0.0.1", port: address.port });
  return {
    proxy,
    received,
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      server.close();
    },
  };
}

async function client(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

async function answer(socket: Socket): Promise<string> {
  const [chunk] = await once(socket, "data");
  return String(chunk);
}

describe("startProxy()", () => {
  it("carries both ways, and an end from one side to the other", async () => {
    await using bundle = await setup();
    const socket = await client(bundle.proxy);
    socket.write("one");
    expect(await answer(socket)).toBe("one");
    socket.end();
    await once(socket, "close");
    expect(bundle.proxy.connections).toBe(0);
  });

  it("is silent in a black hole, and delivers when it is over", async () => {
    await using bundle = await setup();
    const socket = await client(bundle.proxy);
    socket.write("one");
    await answer(socket);
    bundle.proxy.setMode("blackhole");
    socket.write("two");
    const late = await client(bundle.proxy);
    late.write("three");
    const answers = Promise.all([answer(socket), answer(late)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(bundle.received).toEqual(["one"]);
    bundle.proxy.setMode("pass");
    expect(await answers).toEqual(["two", "three"]);
    socket.destroy();
    late.destroy();
  });

  it("resets what is open and what comes", async () => {
    await using bundle = await setup();
    const socket = await client(bundle.proxy);
    socket.write("one");
    await answer(socket);
    bundle.proxy.setMode("reset");
    const [open] = await once(socket, "error");
    expect(open).toHaveProperty("code", "ECONNRESET");
    const next = connect(bundle.proxy.port, "127.0.0.1");
    await once(next, "close").catch(() => undefined);
    expect(next.destroyed).toBe(true);
  });

  it("loses answers to requests that arrive", async () => {
    await using bundle = await setup();
    const socket = await client(bundle.proxy);
    socket.write("one");
    await answer(socket);
    bundle.proxy.setMode("answers-lost");
    const broken = once(socket, "close").catch(() => undefined);
    socket.on("data", () => expect.unreachable("an answer came through"));
    socket.on("error", () => undefined);
    socket.write("two");
    await expect.poll(() => bundle.received).toEqual(["one", "two"]);
    bundle.proxy.dropAll();
    await broken;
  });

  it("delays without changing the order", async () => {
    await using bundle = await setup();
    const socket = await client(bundle.proxy);
    bundle.proxy.setMode({ latencyMs: 30 });
    const began = performance.now();
    socket.write("one");
    expect(await answer(socket)).toBe("one");
    expect(performance.now() - began).toBeGreaterThanOrEqual(55);
    socket.destroy();
  });
});

describe("reset()", () => {
  it.each([
    ["resets", () => undefined, "ECONNRESET"],
    ["closes a socket whose end is on its way", (socket: Socket) => void socket.end(), undefined],
  ])("%s", async (_, before, seen) => {
    const refused: (string | undefined)[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", (error: NodeJS.ErrnoException) => refused.push(error.code));
      before(socket);
      reset(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const socket = connect(address.port, "127.0.0.1");
    let code: string | undefined;
    socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
    socket.resume();
    await once(socket, "close").catch(() => undefined);
    expect(code).toBe(seen);
    expect(refused).toEqual([]);
    server.close();
    await once(server, "close");
  });
});
