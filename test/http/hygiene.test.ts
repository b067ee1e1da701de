import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ErrorCode } from "../../src/core/errors/index.ts";
import { TaskerError } from "../../src/core/errors/index.ts";
import type { HttpSettings } from "../../src/host/http/deps.ts";
import type { App } from "../../src/host/http/document-route.ts";
import { documentRoute } from "../../src/host/http/document-route.ts";
import { ErrorSchema } from "../../src/host/http/schemas/errors.ts";
import type { Authenticator } from "../../src/host/identity/authenticator.ts";
import { absentDatabase } from "./support/absent-database.ts";
import { serveApp } from "./support/served-app.ts";
import { testApp } from "./support/test-app.ts";

/** Knows everybody by the name that they send. */
const BY_NAME: Authenticator = {
  authenticate(credentials, origin) {
    if (credentials === undefined) {
      return Promise.reject(new TaskerError("TSK_AUTH_REQUIRED", { attempted: "Cannot ask", found: "nobody" }));
    }
    const actor = { kind: "token", name: credentials, origin } as const;
    return Promise.resolve({ actor, permissions: new Set(["*"]), namespaces: "*" });
  },
};

interface Setup {
  readonly app: App;
  readonly turnedAway: ErrorCode[];
}

function setup(settings: Partial<HttpSettings> = {}, authenticator: Authenticator = BY_NAME): Setup {
  const turnedAway: ErrorCode[] = [];
  const onTurnedAway = (code: ErrorCode): void => void turnedAway.push(code);
  const { app } = testApp({ database: absentDatabase(), authenticator, onTurnedAway }, settings);
  return { app, turnedAway };
}

async function codeOf(response: Response): Promise<string> {
  return ErrorSchema.parse(await response.json()).error.tsk_code;
}

function as(name: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${name}` } };
}

describe("the `Host` header on loopback", () => {
  const { app, turnedAway } = setup({ allowedHosts: ["tasker.example.org"] });
  const ask = async (host: string): Promise<Response> => app.request("/health", { headers: { host } });

  it.each([
    "localhost",
    "localhost:8081",
    "127.0.0.1:8081",
    "127.1.2.3",
    "[::1]:8081",
    "LOCALHOST",
    "localhost.",
    "tasker.example.org:443",
  ])("may be %s", async (host) => {
    expect((await ask(host)).status).toBe(200);
  });

  it.each([
    "evil.example",
    "evil.example:8081",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.7",
    "127.0.0.1@evil.example",
    "",
  ])("may not be %j: a page of that name could be anybody's", async (host) => {
    const response = await ask(host);
    expect({ status: response.status, code: await codeOf(response) }).toEqual({
      status: 403,
      code: "TSK_REQUEST_HOST_REFUSED",
    });
    expect(turnedAway.at(-1)).toBe("TSK_REQUEST_HOST_REFUSED");
  });

  it("is of no interest where the host is not on loopback", async () => {
    const open = setup({ allowedHosts: undefined });
    expect((await open.app.request("/health", { headers: { host: "evil.example" } })).status).toBe(200);
  });
});

describe("a page of another origin", () => {
  const post = (app: App, headers: Record<string, string>): Promise<Response> =>
    Promise.resolve(app.request("/v1/tasks", { method: "POST", headers: { host: "localhost:8081", ...headers } }));

  it.each(["https://evil.example", "null", "http://localhost:3000", "http://localhost.evil.example:8081"])(
    "changes nothing from %s, also without a body that would have to be asked for",
    async (origin) => {
      const response = await post(setup().app, { origin, ...as("alice").headers });
      expect({ status: response.status, code: await codeOf(response) }).toEqual({
        status: 403,
        code: "TSK_REQUEST_ORIGIN_REFUSED",
      });
    },
  );

  it("changes what it is let in for, as does a page of the host itself", async () => {
    const { app } = setup({ corsOrigins: ["https://ui.example.org"] });
    for (const origin of ["https://ui.example.org", "http://localhost:8081"]) {
      expect(await codeOf(await post(app, { origin, ...as("alice").headers }))).toBe("TSK_REQUEST_INVALID");
    }
  });

  it("is answered to the origins that are named, and without CORS to none", async () => {
    const preflight = async (app: App, origin: string): Promise<string | null> => {
      const headers = {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      };
      const response = await app.request("/v1/tasks", { method: "OPTIONS", headers });
      return response.headers.get("access-control-allow-origin");
    };
    const { app } = setup({ corsOrigins: ["https://ui.example.org"] });
    expect(await preflight(app, "https://ui.example.org")).toBe("https://ui.example.org");
    expect(await preflight(app, "https://evil.example")).toBeNull();
    expect(await preflight(setup().app, "https://ui.example.org")).toBeNull();
  });
});

describe("the rate limit", () => {
  const settings = { rateLimit: { requests: 3, windowSeconds: 60 } };

  it("refuses a caller beyond it, says for how long, and counts each caller alone", async () => {
    const { app, turnedAway } = setup(settings);
    for (let left = 2; left >= 0; left -= 1) {
      const response = await app.request("/status", as("alice"));
      expect(response.status).toBe(200);
      expect(response.headers.get("ratelimit")).toMatch(new RegExp(`^"caller";r=${left};t=\\d+$`));
      expect(response.headers.get("ratelimit-policy")).toBe('"caller";q=3;w=60');
    }
    const refused = await app.request("/status", as("alice"));
    expect(refused.status).toBe(429);
    const retryAfter = Number(refused.headers.get("retry-after"));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(refused.headers.get("ratelimit")).toMatch(/^"caller";r=0;/);
    expect(ErrorSchema.parse(await refused.json()).error).toMatchObject({
      code: "TOO_MANY_REQUESTS",
      tsk_code: "TSK_REQUEST_RATE_LIMITED",
      retry_after_seconds: retryAfter,
    });
    expect(turnedAway).toEqual(["TSK_REQUEST_RATE_LIMITED"]);
    expect((await app.request("/status", as("bob"))).status).toBe(200);
  });

  it("counts who is not recognised by the address", async () => {
    const { app } = setup(settings);
    for (const _ of [1, 2, 3]) expect((await app.request("/status")).status).toBe(401);
    expect((await app.request("/status")).status).toBe(429);
    expect((await app.request("/docs")).status).toBe(429);
  });

  it("leaves health alone: a probe that is refused restarts a host", async () => {
    const { app } = setup(settings);
    for (const _ of [1, 2, 3, 4, 5]) {
      for (const path of ["/health", "/health/live"]) expect((await app.request(path)).status).toBe(200);
      expect((await app.request("/health/ready")).status).toBe(503);
    }
  });

  it("counts `/health/detailed`, which no probe asks, and what only looks like health", async () => {
    for (const path of ["/health/detailed", "/health/x"]) {
      const { app } = setup(settings);
      for (const _ of [1, 2, 3]) expect((await app.request(path)).status).not.toBe(429);
      expect((await app.request(path)).status).toBe(429);
    }
  });

  it("counts the addresses of one IPv6 network together", async () => {
    const { app } = setup(settings);
    const from = (remoteAddress: string): Promise<Response> =>
      Promise.resolve(app.request("/docs", {}, { incoming: { socket: { remoteAddress } } }));
    for (const host of ["1", "2", "3"]) expect((await from(`2001:db8:0:7::${host}`)).status).toBe(200);
    expect((await from("2001:db8:0:7::4")).status).toBe(429);
    expect((await from("2001:db8:0:8::4")).status).toBe(200);
    // `::` stands for as many zeros as are missing, wherever it stands.
    for (const host of ["2001:db8::1", "2001:db8::2:0:0:3", "2001:0db8:0:0:1:2:3:4"]) {
      expect((await from(host)).status).toBe(200);
    }
    expect((await from("2001:DB8:0::5")).status).toBe(429);
    for (const host of ["::1", "::2", "::3:4"]) expect((await from(host)).status).toBe(200);
    expect((await from("0:0:0:0:1::")).status).toBe(429);
    expect((await from("::ffff:10.0.0.7")).status).toBe(200);
    expect((await from("::ffff:10.0.0.8")).status).toBe(200);
  });
});

describe("every answer", () => {
  it.each(["/health", "/status", "/v1/tasks", "/nowhere", "/docs"])(
    "of %s tells browsers what not to do with it",
    async (path) => {
      const { headers } = await setup().app.request(path);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
      });
    },
  );
});

describe("the caller's address", () => {
  it("is that of the connection, whatever a header says", async () => {
    const origins: string[] = [];
    const authenticator: Authenticator = {
      authenticate: (credentials, origin) => {
        origins.push(origin);
        return BY_NAME.authenticate(credentials, origin);
      },
    };
    await using served = await serveApp({ authenticator });
    const headers = { ...as("alice").headers, "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.6" };
    expect((await fetch(`${served.url}/status`, { headers })).status).toBe(200);
    expect(origins).toEqual(["127.0.0.1"]);
  });
});

describe("GET /docs", () => {
  it("is a page without scripts, whose policy lets nothing but its own style through", async () => {
    const response = await setup().app.request("/docs");
    const page = await response.text();
    expect(response.headers.get("content-type")).toBe("text/html; charset=UTF-8");
    expect(page).not.toMatch(/<script|javascript:|\son\w+=|<link|<img|@import|url\(/i);
    expect(page.match(/(href|src)="[^"#]*"/g)).toEqual(['href="/openapi.json"']);
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    const hash = Buffer.from(digest).toString("base64");
    expect(response.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  });

  it("shows every operation with its permission, and every schema", async () => {
    const { app } = setup();
    const page = await (await app.request("/docs")).text();
    const Doc = z.object({
      paths: z.record(z.string(), z.record(z.string(), z.object({ "x-tasker-permission": z.string() }))),
      components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
    });
    const { paths, components } = Doc.parse(await (await app.request("/openapi.json")).json());
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        expect(page).toContain(`<span class="method">${method}</span> ${path}</code>`);
        const permission = operation["x-tasker-permission"];
        expect(page).toContain(permission === "public" ? "For everybody" : `<code>${permission}</code>`);
      }
    }
    for (const name of Object.keys(components.schemas)) expect(page).toContain(`id="schema-${name}"`);
    const anchors = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]);
    for (const anchor of anchors) expect(page).toContain(`id="${anchor}"`);
  });

  it("shows what is in a document as text, never as a page", async () => {
    const { app } = setup();
    const summary = "<script>alert(1)</script>";
    documentRoute(app, {
      method: "get",
      path: "/test/x",
      access: "public",
      summary,
      responses: { 200: { description: summary } },
    });
    const page = await (await app.request("/docs")).text();
    expect(page).toContain("&lt;script&gt;alert(1)");
    expect(page).not.toContain("<script>");
  });
});
