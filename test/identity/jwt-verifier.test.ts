import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { mayEnter, isPermitted } from "../../src/host/domain/principal.ts";
import type { Verifier } from "../../src/host/identity/authenticator.ts";
import { type JwtKeys, jwtVerifier } from "../../src/host/identity/jwt-verifier.ts";
import { readJwtKeys } from "../../src/host/identity/read-jwt-keys.ts";
import { movedClock } from "./support/moved-clock.ts";

const ISSUER = "https://issuer.example";
const AUDIENCE = "tasker-host";

interface Key {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** What the issuer says that the key is for; default RS256, empty: nothing. */
  readonly alg?: string;
}

function newKey(kid: string, modulusLength: number = 2_048): Key {
  return { kid, ...generateKeyPairSync("rsa", { modulusLength }) };
}

const first = newKey("first");
const second = newKey("second");

/** An issuer's endpoint on loopback, with whatever keys and trouble the test gives it. */
const issuer = {
  keys: [first] as readonly Key[],
  answer: "keys" as "keys" | "error" | "no json" | "redirect",
  asked: 0,
};
let server: Server;
let url: URL;

beforeAll(async () => {
  server = createServer((_, response) => {
    issuer.asked += 1;
    if (issuer.answer === "error") response.writeHead(500).end();
    else if (issuer.answer === "no json") response.writeHead(200).end("<html>");
    else if (issuer.answer === "redirect") response.writeHead(302, { location: "http://169.254.169.254/" }).end();
    else void Promise.all(issuer.keys.map(jwkOf)).then((keys) => response.end(JSON.stringify({ keys })));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on a port has such an address
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
});

beforeEach(() => {
  issuer.keys = [first];
  issuer.answer = "keys";
  issuer.asked = 0;
});

afterAll(() => void server.close());

async function jwkOf({ kid, publicKey, alg = "RS256" }: Key): Promise<object> {
  return { ...(await exportJWK(publicKey)), kid, use: "sig", ...(alg !== "" && { alg }) };
}

function verifier(keys: JwtKeys = { url }, clock: Clock = systemClock): Verifier {
  return jwtVerifier({ issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 5, keys, clock });
}

interface TokenOptions {
  readonly key?: Key;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly alg?: string;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** A good token, but for what is given. A claim that is undefined is left out. */
function token({ key = first, claims = {}, alg = "RS256" }: TokenOptions = {}): Promise<string> {
  const payload = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: "alice",
    iat: nowSeconds(),
    exp: nowSeconds() + 60,
    permissions: ["tasks:read", "handlers:*"],
    worker_namespaces: ["flows"],
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg, kid: key.kid }).sign(key.privateKey);
}

describe("`jwtVerifier()`", () => {
  it("recognises a caller with Tasker's claims", async () => {
    const principal = await verifier()(await token(), "10.0.0.7");
    expect(principal.actor).toEqual({ kind: "jwt", name: "alice", origin: "10.0.0.7" });
    expect(isPermitted(principal, "tasks:read")).toBe(true);
    expect(isPermitted(principal, "handlers:push")).toBe(true);
    expect(isPermitted(principal, "tasks:create")).toBe(false);
    expect(mayEnter(principal, "flows")).toBe(true);
    expect(mayEnter(principal, "other")).toBe(false);
  });

  it("lets who has no such claims do nothing anywhere", async () => {
    const claims = { permissions: undefined, worker_namespaces: undefined };
    const principal = await verifier()(await token({ claims }), "");
    expect(principal).toMatchObject({ permissions: new Set(), namespaces: [] });
  });

  it.each<readonly [string, TokenOptions]>([
    ["another issuer", { claims: { iss: "https://evil.example" } }],
    ["another audience", { claims: { aud: "billing" } }],
    ["no audience", { claims: { aud: undefined } }],
    ["no expiry", { claims: { exp: undefined } }],
    ["no subject", { claims: { sub: undefined } }],
    ["no time of issue", { claims: { iat: undefined } }],
    ["a time that has not come", { claims: { nbf: nowSeconds() + 600 } }],
    ["a key that the issuer does not have", { key: newKey("unknown") }],
    ["a key of the issuer's name and another's make", { key: { ...newKey("x"), kid: "first" } }],
    ["permissions of another form", { claims: { permissions: "*" } }],
    ["namespaces of another form", { claims: { worker_namespaces: { flows: true } } }],
    ["a subject that holds U+0000, which Postgres cannot keep", { claims: { sub: "ci\0" } }],
    ["a subject with a line feed, which would be two lines of a log", { claims: { sub: "ci\nroot" } }],
    ["a namespace that holds U+0000", { claims: { worker_namespaces: ["flows", "a\0b"] } }],
  ])("refuses a token with %s, and says what is accepted", async (_, options) => {
    await expect(verifier()(await token(options), "")).rejects.toMatchObject({
      code: "TSK_AUTH_INVALID",
      accepted: `a JWT signed with RS256, with iss "${ISSUER}", aud "${AUDIENCE}", exp, iat and sub, and with Tasker's claims as docs/access.md shows them`,
    });
  });

  it("refuses a subject with half a character", async () => {
    // JSON can say it and UTF-8 cannot: written as an escape.
    const signed = await token({ claims: { sub: "half \ud800" } });
    await expect(verifier()(signed, "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
  });

  it("refuses a token that expired, beyond the tolerance", async () => {
    const clock = movedClock(Date.now());
    const verify = verifier({ url }, clock);
    const now = Math.floor(clock.now() / 1_000);
    const expired = (seconds: number): Promise<string> => token({ claims: { iat: now - 60, exp: now - seconds } });
    await expect(verify(await expired(20), "")).rejects.toMatchObject({ code: "TSK_AUTH_EXPIRED" });
    await expect(verify(await expired(2), "")).resolves.toMatchObject({ actor: { name: "alice" } });
  });

  it("refuses a token without signature, and one that is signed with the public key as a secret", async () => {
    const [, payload = ""] = (await token()).split(".");
    const header = (alg: string): string => Buffer.from(JSON.stringify({ alg, kid: "first" })).toString("base64url");
    const unsigned = `${header("none")}.${payload}.`;
    const body = `${header("HS256")}.${payload}`;
    const pem = first.publicKey.export({ type: "spki", format: "pem" });
    const confused = `${body}.${createHmac("sha256", pem).update(body).digest("base64url")}`;
    const verify = verifier();
    for (const forged of [unsigned, confused, `${await token()}x`, "a.b.c", "..", ""]) {
      await expect(verify(forged, "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
    }
  });

  it.each(["RS512", "PS256"])("refuses %s, also with a key that the issuer lets do anything", async (alg) => {
    issuer.keys = [{ ...first, alg: "" }];
    const verify = verifier();
    await expect(verify(await token(), "")).resolves.toMatchObject({ actor: { name: "alice" } });
    await expect(verify(await token({ alg }), "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
  });

  it("takes a new key of the issuer's on sight, and no longer takes one that was withdrawn", async () => {
    const verify = verifier();
    await verify(await token(), "");
    expect(issuer.asked).toBe(1);
    issuer.keys = [second];
    // Fetched a moment ago: strangers' key ids must not make us ask with every request.
    await expect(verify(await token({ key: second }), "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
    expect(issuer.asked).toBe(1);
    const afterRotation = verifier();
    await expect(afterRotation(await token({ key: second }), "")).resolves.toMatchObject({ actor: { name: "alice" } });
    await expect(afterRotation(await token({ key: first }), "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
  });

  it.each(["error", "no json", "redirect"] as const)(
    "says that keys are missing where the endpoint answers %s, and recovers",
    async (trouble) => {
      const verify = verifier();
      issuer.answer = trouble;
      await expect(verify(await token(), "")).rejects.toMatchObject({ code: "TSK_AUTH_KEYS_UNAVAILABLE" });
      issuer.answer = "keys";
      await expect(verify(await token(), "")).resolves.toMatchObject({ actor: { name: "alice" } });
    },
  );

  it("says that keys are missing where nothing listens", async () => {
    const verify = verifier({ url: new URL("http://127.0.0.1:1/jwks.json") });
    await expect(verify(await token(), "")).rejects.toMatchObject({
      code: "TSK_AUTH_KEYS_UNAVAILABLE",
      entry: { httpStatus: 503 },
    });
  });
});

describe("`readJwtKeys()`", () => {
  const folder = mkdtempSync(join(tmpdir(), "jwt-keys-"));
  const file = (text: string): string => {
    const path = join(folder, `${Math.random()}`);
    writeFileSync(path, text);
    return path;
  };
  const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" });

  it("reads a public key in PEM, and a set of keys", async () => {
    const set = JSON.stringify({ keys: [{ kty: "EC", crv: "P-256" }, await jwkOf(first), await jwkOf(second)] });
    for (const path of [file(pemOf(first.publicKey)), file(set)]) {
      const verify = verifier(readJwtKeys(path));
      await expect(verify(await token(), "")).resolves.toMatchObject({ actor: { name: "alice" } });
    }
  });

  it.each([
    ["nothing", ""],
    ["text", "not a key"],
    ["a private key", first.privateKey.export({ type: "pkcs8", format: "pem" })],
    ["a short key", pemOf(newKey("short", 1_024).publicKey)],
    ["a key of another kind", pemOf(generateKeyPairSync("ed25519").publicKey)],
    ["an empty set", '{"keys":[]}'],
    ["a set without keys for RS256", '{"keys":[{"kty":"EC","crv":"P-256"}]}'],
    ["half a set", '{"keys":[{"kty":"RSA"'],
  ])("refuses %s at the start", (_, text) => {
    expect(() => readJwtKeys(file(text))).toThrow(expect.objectContaining({ code: "TSK_AUTH_KEY_UNUSABLE" }));
  });

  it("refuses a file that is not there", () => {
    expect(() => readJwtKeys(join(folder, "absent"))).toThrow(
      expect.objectContaining({ code: "TSK_AUTH_KEY_UNUSABLE" }),
    );
  });
});
