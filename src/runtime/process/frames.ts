/**
 * Messages between the host and a child: a JSON head and byte strings ("blobs") that stay out of the JSON.
 *
 *     u32 length of all that follows · u32 length of the head · u32 number of blobs · u32 length of each blob · head · blobs
 *
 * Node's own channel is not used: an endless line or a 4 GB length header of a hostile child brings its parent down.
 */
import { TaskerError } from "../../core/errors/index.ts";
import { jsonExcess } from "../bounded-json.ts";

export interface Frame {
  readonly head: unknown;
  readonly blobs: readonly Buffer[];
}

/** What a frame may hold. Heads become values and are therefore small; blobs stay bytes. */
export interface FrameLimits {
  readonly maxHeadBytes: number;
  /** Values of the head, as `jsonExcess` counts them; Infinity where the sender is trusted: nothing is counted then. */
  readonly maxHeadValues: number;
  readonly maxBlobs: number;
  /** Bytes of all blobs together. */
  readonly maxBlobBytes: number;
}

const LENGTH_BYTES = 4;
/** Length of the head and number of blobs. */
const FIXED_BYTES = 8;
const PREFIX_BYTES = LENGTH_BYTES + FIXED_BYTES;
const MAX_HEAD_DEPTH = 32;
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
 * Cuts a stream into frames. Holds at most one unfinished frame within the limits, whatever arrives.
 * @throws TSK_SANDBOX_PROTOCOL for bytes that are no frame; nothing can be read after that.
 */
export class FrameReader {
  readonly #limits: () => FrameLimits;
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** `limits` is asked anew for each frame, once the one before it was handed over. */
  constructor(limits: () => FrameLimits) {
    this.#limits = limits;
  }

  /** Hands over the frames that `chunk` completes, one after the other. */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    this.#chunks.push(chunk);
    // A frame that arrives byte by byte must not cost an object for each.
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
    this.#buffered += chunk.length;
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) onFrame(frame);
  }

  #next(): Frame | undefined {
    if (this.#buffered < LENGTH_BYTES) return undefined;
    const limits = this.#limits();
    const prefix = this.#peek();
    checkPrefix(prefix, limits);
    const whole = LENGTH_BYTES + prefix.readUInt32LE(0);
    if (this.#buffered < whole) return undefined;
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    if (all === undefined) return undefined;
    this.#chunks = all.length > whole ? [all.subarray(whole)] : [];
    this.#buffered = all.length - whole;
    return parseBody(all.subarray(LENGTH_BYTES, whole), limits);
  }

  /** What has arrived of the frame's beginning: four bytes or more. */
  #peek(): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= Math.min(PREFIX_BYTES, this.#buffered)) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

/** Before the rest has arrived: nothing is held of a frame that is too large. */
function checkPrefix(prefix: Buffer, { maxHeadBytes, maxBlobs, maxBlobBytes }: FrameLimits): void {
  const length = prefix.readUInt32LE(0);
  const max = FIXED_BYTES + maxHeadBytes + maxBlobs * LENGTH_BYTES + maxBlobBytes;
  if (length > max) protocol(`a frame of ${length} bytes`, `at most ${max}`);
  if (length < FIXED_BYTES) protocol(`a frame of ${length} bytes`, `at least ${FIXED_BYTES}`);
  if (prefix.length < PREFIX_BYTES) return;
  const headBytes = prefix.readUInt32LE(LENGTH_BYTES);
  if (headBytes > maxHeadBytes) protocol(`a head of ${headBytes} bytes`, `at most ${maxHeadBytes}`);
  const blobs = prefix.readUInt32LE(LENGTH_BYTES * 2);
  if (blobs > maxBlobs) protocol(`a frame of ${blobs} blobs`, `at most ${maxBlobs}`);
}

function parseBody(body: Buffer, { maxHeadValues, maxBlobBytes }: FrameLimits): Frame {
  const headLength = body.readUInt32LE(0);
  const count = body.readUInt32LE(LENGTH_BYTES);
  const headAt = FIXED_BYTES + count * LENGTH_BYTES;
  const blobsAt = headAt + headLength;
  if (blobsAt > body.length) protocol("a frame whose parts do not fit into it");
  if (body.length - blobsAt > maxBlobBytes) {
    protocol(`${body.length - blobsAt} bytes of blobs`, `at most ${maxBlobBytes}`);
  }
  let at = blobsAt;
  const blobs: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const end = at + body.readUInt32LE(FIXED_BYTES + index * LENGTH_BYTES);
    if (end > body.length) protocol("a frame whose parts do not fit into it");
    blobs.push(body.subarray(at, end));
    at = end;
  }
  if (at !== body.length) protocol("a frame with bytes that belong to nothing");
  return { head: parseHead(body.subarray(headAt, blobsAt), maxHeadValues), blobs };
}

function parseHead(text: Buffer, maxValues: number): unknown {
  const excess = maxValues === Infinity ? undefined : jsonExcess(text, { maxValues, maxDepth: MAX_HEAD_DEPTH });
  if (excess !== undefined) protocol(`a head that is ${excess}`);
  try {
    return JSON.parse(text.toString("utf8"));
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
