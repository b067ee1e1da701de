/**
 * Messages between the host and a child: a JSON head and byte strings ("blobs") that stay out of the JSON.
 *
 *     u32 length of all that follows · u32 length of the head · u32 number of blobs · u32 length of each blob · head · blobs
 *
 * Node's own channel is not used: an endless line or a 4 GB length header of a hostile child brings its parent down.
 */
import { TaskerError } from "../../core/errors/index.ts";

export interface Frame {
  readonly head: unknown;
  readonly blobs: readonly Buffer[];
}

const LENGTH_BYTES = 4;
const FIXED_BYTES = 8;
const MAX_BLOBS = 65_536;
const MAX_CHUNKS = 1_024;

/** A frame as the byte strings to write, in order. */
export function encodeFrame(head: unknown, blobs: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.allocUnsafe(LENGTH_BYTES + FIXED_BYTES + blobs.length * LENGTH_BYTES);
  const blobBytes = blobs.reduce((sum, { length }) => sum + length, 0);
  prefix.writeUInt32LE(prefix.length - LENGTH_BYTES + text.length + blobBytes, 0);
  prefix.writeUInt32LE(text.length, 4);
  prefix.writeUInt32LE(blobs.length, 8);
  blobs.forEach(({ length }, index) => prefix.writeUInt32LE(length, 12 + index * LENGTH_BYTES));
  return Buffer.concat([prefix, text, ...blobs]);
}

/**
 * Cuts a stream into frames. Holds at most one unfinished frame of at most `maxBytes()`, whatever arrives.
 * @throws TSK_SANDBOX_PROTOCOL for bytes that are no frame; nothing can be read after that.
 */
export class FrameReader {
  readonly #maxBytes: () => number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes;
  }

  /** The frames that `chunk` completes. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    // A frame that arrives byte by byte must not cost an object for each.
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
    this.#buffered += chunk.length;
    const frames: Frame[] = [];
    for (let body = this.#next(); body !== undefined; body = this.#next()) frames.push(parseBody(body));
    return frames;
  }

  #next(): Buffer | undefined {
    if (this.#buffered < LENGTH_BYTES) return undefined;
    const length = this.#peekLength();
    const max = this.#maxBytes();
    if (length > max) protocol(`a frame of ${length} bytes`, `at most ${max}`);
    if (length < FIXED_BYTES) protocol(`a frame of ${length} bytes`, `at least ${FIXED_BYTES}`);
    const whole = LENGTH_BYTES + length;
    if (this.#buffered < whole) return undefined;
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    if (all === undefined) return undefined;
    this.#chunks = all.length > whole ? [all.subarray(whole)] : [];
    this.#buffered = all.length - whole;
    return all.subarray(LENGTH_BYTES, whole);
  }

  #peekLength(): number {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= LENGTH_BYTES) return first.readUInt32LE(0);
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined.readUInt32LE(0);
  }
}

function parseBody(body: Buffer): Frame {
  const headLength = body.readUInt32LE(0);
  const count = body.readUInt32LE(4);
  const headAt = FIXED_BYTES + count * LENGTH_BYTES;
  if (count > MAX_BLOBS || headAt + headLength > body.length) protocol("a frame whose parts do not fit into it");
  let at = headAt + headLength;
  const blobs: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const end = at + body.readUInt32LE(FIXED_BYTES + index * LENGTH_BYTES);
    if (end > body.length) protocol("a frame whose parts do not fit into it");
    blobs.push(body.subarray(at, end));
    at = end;
  }
  if (at !== body.length) protocol("a frame with bytes that belong to nothing");
  try {
    return { head: JSON.parse(body.toString("utf8", headAt, headAt + headLength)), blobs };
  } catch {
    return protocol("a frame whose head is not JSON");
  }
}

/** Throws the one error of the protocol. */
export function protocol(found: string, accepted?: string): never {
  throw new TaskerError("TSK_SANDBOX_PROTOCOL", {
    attempted: "Cannot read from a sandbox process",
    found,
    ...(accepted === undefined ? {} : { accepted }),
  });
}
