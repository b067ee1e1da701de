import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { createLogger } from "../../src/core/logger.ts";
import { readVersion } from "../../src/host/database/handler-lists.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { RawConnection } from "../http/support/raw-connection.ts";
import { type ServedApp, serveApp } from "../http/support/served-app.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { testRegistryParts } from "./support/test-registry.ts";
import { versionComponent } from "./support/version-component.ts";

const UPLOADS = { maxComponentBytes: 100_000, maxSourceMapBytes: 1_000, bodySeconds: 1, requestSeconds: 60 };

let test: TestDatabase;
let database: Database;
let served: ServedApp;
/** Another host on the same database. */
let second: ServedApp;
let cacheDirs: readonly string[];
let component: Uint8Array<ArrayBuffer>;
let other: Uint8Array<ArrayBuffer>;
let namespace: string;
let count = 0;

beforeAll(async () => {
  test = await testDatabase();
  database = test.open({ maxConnections: 6 });
  component = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge" });
  other = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge", salt: "other" });
});
afterAll(() => test.close());

beforeEach(async () => {
  namespace = `uploads_${(count += 1)}`;
  const parts = [1, 2].map(() => testRegistryParts(database, { "registry.max_uploads": "20" }));
  cacheDirs = parts.map(({ cacheDir }) => cacheDir);
  const [one, two] = await Promise.all(
    parts.map(({ registry }) => serveApp({ database, registry, settings: { uploads: UPLOADS } })),
  );
  if (one === undefined || two === undefined) throw new Error("two hosts were asked for");
  [served, second] = [one, two];
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

const pathOf = (query = "version=1.0.0"): string => `/v1/namespaces/${namespace}/handlers/charge/versions?${query}`;

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: Record<string, unknown>;
}

async function upload(
  bytes: Uint8Array<ArrayBuffer>,
  query?: string,
  type = "application/wasm",
  to = served,
): Promise<Answer> {
  const headers = { "content-type": type };
  const response = await fetch(to.url + pathOf(query), { method: "POST", headers, body: bytes });
  const body = (await response.json()) as Record<string, unknown> & { error?: { tsk_code: string } };
  return { status: response.status, code: body.error?.tsk_code, body };
}

/** Everything that an upload could leave. */
async function leftovers(): Promise<unknown> {
  const [row] = await database.query<Record<string, number>>(
    "test_leftovers",
    `select (select count(*) from tasker_host.components c
              where not exists (select from tasker_host.handler_versions v where v.digest = c.digest)) as components,
            (select count(*) from tasker_host.artifacts a
              where not exists (select from tasker_host.handler_versions v where v.digest = a.digest)) as artifacts,
            (select count(*) from tasker_host.handler_versions where namespace = $1) as versions`,
    [namespace],
  );
  const known = await database.query<{ sha256: string }>("test_known", "select sha256 from tasker_host.artifacts");
  const files = cachedFiles().filter((name) => known.every(({ sha256 }) => sha256 !== name));
  return { ...row, files };
}
/** All files of the hosts' caches, half-written ones among them. */
const cachedFiles = (): readonly string[] =>
  cacheDirs.flatMap((folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  });
const NOTHING = { components: 0, artifacts: 0, versions: 0, files: [] };

it("stores an upload, knows it again, and refuses other bytes under its version", async () => {
  const first = await upload(component, "version=1.0.0&promote=true");
  expect(first).toMatchObject({
    status: 201,
    body: { version: "1.0.0", callables: ["charge"], created: true, promoted: true, replaced: null },
  });
  expect(first.body["digest"]).toBe(createHash("sha256").update(component).digest("hex"));
  expect(await upload(component)).toMatchObject({ status: 200, body: { created: false, promoted: false } });
  expect(await upload(other)).toMatchObject({ status: 409, code: "TSK_REGISTRY_VERSION_CONFLICT" });
  expect(await leftovers()).toMatchObject({ ...NOTHING, versions: 1 });
});

it("keeps the source map that comes behind the component", async () => {
  const map = Buffer.from('{"version":3,"sources":["charge.ts"],"names":[],"mappings":""}');
  const body = Uint8Array.from(Buffer.concat([component, map]));
  expect((await upload(body, `version=1.0.0&source_map_bytes=${map.length}`)).status).toBe(201);
  expect(await readVersion(database, { namespace, name: "charge", version: "1.0.0" })).toMatchObject({
    has_source_map: true,
    size_bytes: component.length,
  });
});

it.each([
  ["is no JSON", "nonsense"],
  ["holds a NUL", '{"version":3,"sources":[],"mappings":"\0"}'],
  ["is of another version", '{"version":2,"sources":[],"mappings":""}'],
  ["has no mappings", '{"version":3,"sources":[]}'],
  ["names no sources", '{"version":3,"sources":[1],"mappings":""}'],
  ["is an array", "[]"],
])("refuses a source map that %s, and stores nothing", async (_, text) => {
  const body = Uint8Array.from(Buffer.concat([component, Buffer.from(text)]));
  const query = `version=1.0.0&source_map_bytes=${Buffer.byteLength(text)}`;
  expect(await upload(body, query)).toMatchObject({ status: 422, code: "TSK_REGISTRY_SOURCE_MAP_INVALID" });
  expect(await leftovers()).toEqual(NOTHING);
});

it("lets one of twenty uploads of a version to two hosts win, and leaves nothing of the others", async () => {
  const salts = Array.from({ length: 20 }, () => randomBytes(8).toString("hex"));
  const uploads = await Promise.all(
    salts.map((salt) => versionComponent({ name: "charge", version: "1.0.0", callable: "charge", salt })),
  );
  const answers = await Promise.all(
    uploads.map((bytes, index) => upload(bytes, undefined, undefined, index % 2 === 0 ? served : second)),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(answers.filter(({ code }) => code === "TSK_REGISTRY_VERSION_CONFLICT")).toHaveLength(19);
  expect(await leftovers()).toEqual({ ...NOTHING, versions: 1 });
});

it.each([
  ["is no component", () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), {}, "TSK_COMPONENT_NOT_A_COMPONENT"],
  ["is cut off within its sections", () => component.slice(0, -20), {}, "TSK_COMPONENT_"],
  ["is larger than allowed", () => new Uint8Array(100_001), {}, "TSK_REQUEST_COMPONENT_TOO_LARGE"],
  ["is empty", () => new Uint8Array(), {}, "TSK_REQUEST_INVALID"],
  ["calls itself otherwise", () => component, { query: "version=1.0.1" }, "TSK_REGISTRY_MANIFEST_MISMATCH"],
  ["comes as a form of a browser", () => component, { type: "text/plain" }, "TSK_REQUEST_INVALID"],
  [
    "has a source map that is too large",
    () => component,
    { query: "version=1.0.0&source_map_bytes=1001" },
    "TSK_REQUEST_SOURCE_MAP_TOO_LARGE",
  ],
  ["has a version that is none", () => component, { query: "version=latest" }, "TSK_REQUEST_INVALID"],
])("leaves nothing of an upload that %s, and takes the next", async (_, bytes, { query, type }: Given, code) => {
  const answer = await upload(bytes(), query, type);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.code).toMatch(new RegExp(`^${code}`));
  expect(await leftovers()).toEqual(NOTHING);
  expect((await upload(component)).status).toBe(201);
});

it.each([
  ["component", () => new Uint8Array(100_001), "", "at most 100000 bytes", "`sandbox.prepare.max_component_bytes`"],
  [
    "component with a source map",
    () => new Uint8Array(100_501),
    "&source_map_bytes=500",
    "at most 100000 bytes",
    "`sandbox.prepare.max_component_bytes`",
  ],
  ["source map", () => component, "&source_map_bytes=1001", "at most 1000 bytes", "`registry.max_source_map_bytes`"],
])("names the setting that a %s which is too large would need", async (_, bytes, query, accepted, key) => {
  const { status, body } = await upload(bytes(), `version=1.0.0${query}`);
  const remedy: unknown = expect.stringContaining(key);
  expect({ status, ...body }).toMatchObject({ status: 413, error: { accepted, remedy } });
});

interface Given {
  readonly query?: string;
  readonly type?: string;
}

const head = (length: number, more = ""): string =>
  `POST ${pathOf()} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/wasm\r\ncontent-length: ${length}\r\n${more}\r\n`;

it("leaves nothing of an upload that is cut off half-way, and takes the next", async () => {
  const { port } = new URL(served.url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(head(component.length));
  socket.write(component.subarray(0, component.length / 2));
  // An answer to another request: by then the host has read what there is.
  await fetch(`${served.url}/health`);
  socket.destroy();
  await once(socket, "close");
  expect((await upload(component)).status).toBe(201);
  expect(await leftovers()).toMatchObject({ ...NOTHING, versions: 1 });
});

it("takes a client that hangs up for no failure of the host", async () => {
  const lines = new PassThrough({ encoding: "utf8" });
  const logger = createLogger({ level: "info", destination: lines });
  await using logged = await serveApp({ database, registry: testRegistryParts(database).registry, logger });
  const socket = connect(Number(new URL(logged.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(head(component.length));
  socket.write(component.subarray(0, component.length / 2));
  await fetch(`${logged.url}/health`);
  socket.destroy();
  const [line] = (await once(lines, "data")) as [string];
  expect(JSON.parse(line)).toMatchObject({ level: 30, msg: "client hung up" });
  expect(line).not.toContain("stack");
});

it("answers an upload that is slower than allowed, leaves nothing of it, and takes the next", async () => {
  await using connection = await RawConnection.open(served.url);
  connection.send(head(1_000) + "\0asm");
  const answer = await connection.rest();
  expect(answer).toContain("HTTP/1.1 408");
  expect(answer).toContain("its body took longer than 1 s to arrive");
  expect(answer).toContain("TSK_REQUEST_UPLOAD_TIMEOUT");
  expect(await leftovers()).toEqual(NOTHING);
  expect((await upload(component)).status).toBe(201);
});

it("sends away who comes when as many wait as it takes, and says when to come again", async () => {
  const { registry } = testRegistryParts(database, { "registry.max_uploads": "20" });
  // Nothing ends those that wait before the test does.
  await using patient = await serveApp({ database, registry, settings: { uploads: { ...UPLOADS, bodySeconds: 60 } } });
  {
    await using stack = new AsyncDisposableStack();
    for (let n = 0; n < 20; n += 1) {
      const connection = stack.use(await RawConnection.open(patient.url));
      connection.send(head(1_000, "expect: 100-continue\r\n"));
      await connection.receive("100 Continue");
    }
    const response = await busy(patient);
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await response.json()).toMatchObject({ error: { tsk_code: "TSK_REGISTRY_BUSY" } });
  }
  await expect.poll(async () => (await upload(component, undefined, undefined, patient)).status).toBe(201);
});

/** The first answer that is a 503: the last of the twenty before may still be on its way into the registry. */
async function busy(to: ServedApp): Promise<Response> {
  for (;;) {
    const headers = { "content-type": "application/wasm" };
    const response = await fetch(to.url + pathOf("version=9.9.9"), { method: "POST", headers, body: "x" });
    if (response.status === 503) return response;
    await response.arrayBuffer();
  }
}
