/**
 * An artifact as bytes: magic, header length, header (JSON), the modules, and a SHA-256 over all before it.
 * The digest tells damage, not malice. What the header says is checked by `artifact-codec.ts`.
 */
import { createHash } from "node:crypto";
import { TaskerError } from "../core/errors/index.ts";
import type { Artifact } from "./artifact.ts";
import { MAX_HEADER_BYTES } from "./artifact-size.ts";
import { type JsonBounds, jsonExcess } from "./bounded-json.ts";
import { refuse } from "./component/refuse.ts";

/** A type of `GATE_LIMITS.maxTypeDepth` takes three levels for each of its own. */
const HEADER_BOUNDS: JsonBounds = { maxValues: 20_000, maxDepth: 128 };

const MAGIC = Buffer.from("tskart01", "latin1");
const DIGEST_BYTES = 32;
const HEADER_AT = MAGIC.length + 4;

/** A header and the byte strings that it describes. */
export interface Container {
  readonly header: unknown;
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
}

/** An artifact as bytes. Reading one back where its origin is not trusted is `decodeArtifact`'s business. */
export function packArtifact({ modules, ...rest }: Artifact): Uint8Array<ArrayBuffer> {
  const header = { ...rest, modules: modules.map(({ bytes: _bytes, ...described }) => described) };
  return packContainer(
    header,
    modules.map(({ bytes }) => bytes),
  );
}

/** The artifact in bytes that the host has decoded and checked before. For children, which need no checks of their host. */
export function unpackTrustedArtifact(bytes: Uint8Array): Artifact {
  const { header, parts } = unpackContainer(bytes);
  if (!isTrustedHeader(header)) return corrupt("another header than an artifact's");
  return {
    ...header,
    modules: header.modules.map((module, at) => ({ ...module, bytes: parts[at] ?? corrupt("a module less") })),
  };
}

function packContainer(header: unknown, modules: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify({ sizes: modules.map(({ length }) => length), header }));
  const excess = headerExcess(text);
  if (excess !== undefined) refuse("TSK_COMPONENT_TOO_LARGE", `an artifact whose header is ${excess}`);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  const parts = [MAGIC, size, text, ...modules];
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return Uint8Array.from(Buffer.concat([...parts, hash.digest()]));
}

/** What `packContainer` packed. @throws TSK_COMPONENT_ARTIFACT_CORRUPT where the bytes are anything else. */
export function unpackContainer(bytes: Uint8Array): Container {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.length - DIGEST_BYTES;
  if (end < HEADER_AT || !all.subarray(0, MAGIC.length).equals(MAGIC)) corrupt("bytes that are no artifact");
  if (!createHash("sha256").update(all.subarray(0, end)).digest().equals(all.subarray(end))) {
    corrupt("bytes that do not match their digest");
  }
  const partsAt = HEADER_AT + all.readUInt32LE(MAGIC.length);
  if (partsAt > end) corrupt("a header beyond the bytes");
  const { sizes, header } = readHeader(all.subarray(HEADER_AT, partsAt));
  let at = partsAt;
  const parts = sizes.map((size) => {
    const start = at;
    at += size;
    if (at > end) corrupt("a module beyond the bytes");
    return Uint8Array.from(all.subarray(start, at));
  });
  if (at !== end) corrupt("bytes behind the last module");
  return { header, parts };
}

function readHeader(text: Buffer): { readonly sizes: readonly number[]; readonly header: unknown } {
  const excess = headerExcess(text);
  if (excess !== undefined) corrupt(`a header that is ${excess}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString("utf8"));
  } catch {
    corrupt("a header that is not JSON");
  }
  if (typeof parsed === "object" && parsed !== null && "sizes" in parsed && "header" in parsed) {
    const { sizes, header } = parsed;
    if (Array.isArray(sizes) && sizes.every(isSize)) return { sizes, header };
  }
  return corrupt("a header without sizes");
}

function headerExcess(text: Buffer): string | undefined {
  if (text.length > MAX_HEADER_BYTES) return `JSON of ${text.length} bytes, of at most ${MAX_HEADER_BYTES}`;
  return jsonExcess(text, HEADER_BOUNDS);
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function corrupt(found: string): never {
  throw new TaskerError("TSK_COMPONENT_ARTIFACT_CORRUPT", { attempted: "Cannot read the artifact", found });
}

/** The host made the header from an artifact whose every member it had checked; only the kind is looked at. */
function isTrustedHeader(header: unknown): header is Artifact {
  return typeof header === "object" && header !== null && "plan" in header && "modules" in header;
}
