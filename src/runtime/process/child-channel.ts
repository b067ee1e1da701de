/** The child's side of the pipes: frames in from standard input, frames out through standard output. */
import { closeSync, writeSync } from "node:fs";
import { encodeFrame, type Frame, type FrameLimits, FrameReader } from "./frames.ts";

/** The host is trusted not to send more than it must; the limits only tell a damaged stream. */
const FROM_HOST: FrameLimits = {
  maxHeadBytes: 1_073_741_824,
  maxHeadValues: Infinity,
  maxBlobs: 65_536,
  maxBlobBytes: 1_073_741_824,
};

/** The host passes `node` itself as this descriptor; a child has no use for it once it runs. */
const PROGRAM_FD = 3;

/** Calls `onFrame` for each frame, one after the other, and ends the process when the host closes the pipe. */
export function serveFrames(onFrame: (frame: Frame) => void | Promise<void>): void {
  closeSync(PROGRAM_FD);
  const reader = new FrameReader(() => FROM_HOST);
  let last = Promise.resolve();
  process.stdin.on("data", (chunk: Buffer) => {
    reader.push(chunk, (frame) => {
      last = last.then(() => onFrame(frame));
    });
  });
  process.stdin.on("end", () => process.exit(0));
}

/** Blocking, so that what was said before a guest runs has arrived should it never return. */
export function sendFrame(head: unknown, blobs: readonly Uint8Array[] = []): void {
  const bytes = encodeFrame(head, blobs);
  for (let at = 0; at < bytes.length; at += writeSync(1, bytes, at));
}

/**
 * The host's message. A child trusts its host, whose types say the rest; `is` only tells messages of different kinds apart.
 */
export function trusted<T>(head: unknown, is: (head: unknown) => head is T): T {
  if (is(head)) return head;
  throw new TypeError("a message of another kind");
}
