import { Agent, request } from "node:http";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { RawConnection } from "./support/raw-connection.ts";
import { serveApp } from "./support/served-app.ts";

const POST = "POST /v1/tasks HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";

function errorIn(response: string): unknown {
  return JSON.parse(response.slice(response.indexOf("\r\n\r\n{") + 4));
}

describe("a body that is too large", () => {
  it("is refused by its length before it is read", async () => {
    await using served = await serveApp();
    await using connection = await RawConnection.open(served.url);
    connection.send(`${POST}Content-Length: 10001\r\n\r\n`);
    const response = await connection.rest();
    expect(response).toMatch(/^HTTP\/1\.1 413 /);
    expect(errorIn(response)).toMatchObject({
      error: { code: "PAYLOAD_TOO_LARGE", tsk_code: "TSK_REQUEST_TOO_LARGE", accepted: "at most 10000" },
    });
  });

  it("is refused while it is read where it does not say how long it is", async () => {
    await using served = await serveApp();
    await using connection = await RawConnection.open(served.url);
    connection.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `1000\r\n${" ".repeat(0x1000)}\r\n`;
    // The third one is beyond the limit; the body never ends.
    connection.send(chunk.repeat(3));
    expect(await connection.rest()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("of exactly the limit is read", async () => {
    await using served = await serveApp();
    const response = await fetch(`${served.url}/v1/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: " ".repeat(10_000),
    });
    expect(await response.json()).toMatchObject({ error: { tsk_code: "TSK_JSON_MALFORMED" } });
  });
});

describe("a slow client", () => {
  it("whose body does not come is answered with 408 and disconnected", async () => {
    await using served = await serveApp({ settings: { requestTimeoutSeconds: 0.1 } });
    await using connection = await RawConnection.open(served.url);
    connection.send(`${POST}Content-Length: 100\r\n\r\n{"name":`);
    const response = await connection.rest();
    expect(response).toMatch(/^HTTP\/1\.1 408 /);
    expect(errorIn(response)).toMatchObject({ error: { code: "REQUEST_TIMEOUT", tsk_code: "TSK_REQUEST_TIMEOUT" } });
  });

  it("whose headers do not come is disconnected", async () => {
    await using served = await serveApp({ limits: { headersTimeoutMs: 100 } });
    await using connection = await RawConnection.open(served.url);
    connection.send("GET /health HTTP/1.1\r\nHost: te");
    expect(await connection.rest()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("does not keep others waiting", async () => {
    await using served = await serveApp();
    await using connection = await RawConnection.open(served.url);
    connection.send(`${POST}Content-Length: 100\r\n\r\n{"name":`);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
  });
});

describe("createHttpServer()", () => {
  it("says why it cannot listen", async () => {
    await using served = await serveApp();
    await expect(serveApp({ bindAddress: served.url.slice("http://".length) })).rejects.toMatchObject({
      code: "TSK_REQUEST_ADDRESS_UNAVAILABLE",
      found: "something else listens there already",
    });
    await expect(serveApp({ bindAddress: "192.0.2.1:0" })).rejects.toMatchObject({
      found: "this machine has no such address",
    });
  });

  it("listens on IPv6 and says where", async () => {
    await using served = await serveApp({ bindAddress: "[::1]:0" });
    expect(served.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
  });

  it("keeps idle connections for longer than the balancers that send requests over them", async () => {
    await using served = await serveApp();
    expect((await fetch(`${served.url}/health`)).headers.get("keep-alive")).toBe("timeout=75");
  });

  it("may be stopped before it was started, and twice", async () => {
    await using served = await serveApp();
    const stops = [served.server.stop(), served.server.stop()];
    await Promise.all(stops);
    expect(served.server.url).toBeUndefined();
  });
});

describe("stop()", () => {
  it("closes idle keep-alive connections at once", async () => {
    await using served = await serveApp({ limits: { drainMs: 60_000 } });
    const agent = new Agent({ keepAlive: true });
    const sent = request(`${served.url}/health`, { agent }).end();
    const [response] = await once(sent, "response");
    response.resume();
    await once(response, "end");
    const started = performance.now();
    await served.server.stop();
    // Sooner than the drain and the time of idle connections would let it.
    expect(performance.now() - started).toBeLessThan(30_000);
    agent.destroy();
  });

  it("closes connections that never sent a request", async () => {
    await using served = await serveApp();
    await using connection = await RawConnection.open(served.url);
    await served.server.stop();
    expect(await connection.rest()).toBe("");
  });

  it("lets a request under way finish, and keeps its connection for no other", async () => {
    await using served = await serveApp();
    await using connection = await RawConnection.open(served.url);
    connection.send(`${POST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
    // The server has the request in hand.
    await connection.receive("100 Continue");
    const stopped = served.server.stop();
    connection.send("nope");
    const response = await connection.rest();
    expect(response).toContain("HTTP/1.1 400 Bad Request");
    expect(response.toLowerCase()).toContain("connection: close");
    await stopped;
  });

  it("gives up on a request that does not finish", async () => {
    await using served = await serveApp({ limits: { drainMs: 50 } });
    await using connection = await RawConnection.open(served.url);
    connection.send(`${POST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
    await connection.receive("100 Continue");
    await served.server.stop();
    expect(await connection.rest()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  });
});
