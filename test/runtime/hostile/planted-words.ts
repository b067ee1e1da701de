/** What planted code begins with: the protocol's frames by hand, and ways to look for what it must not reach. */
export const PLANTED_WORDS = `
import { fstatSync, writeSync } from "node:fs";
const HOST_PID = ${process.pid};
const frame = (head, ...blobs) => {
  const text = Buffer.from(typeof head === "string" ? head : JSON.stringify(head));
  const prefix = Buffer.alloc(12 + 4 * blobs.length);
  prefix.writeUInt32LE(8 + 4 * blobs.length + text.length + blobs.reduce((n, b) => n + b.length, 0), 0);
  prefix.writeUInt32LE(text.length, 4);
  prefix.writeUInt32LE(blobs.length, 8);
  blobs.forEach((b, i) => prefix.writeUInt32LE(b.length, 12 + 4 * i));
  return Buffer.concat([prefix, text, ...blobs]);
};
const say = (bytes) => { for (let at = 0; at < bytes.length; at += writeSync(1, bytes, at)); };
const usage = { fuelUsed: 1, peakMemoryBytes: 1, durationMs: 1 };
const success = { kind: "success", resultJson: "", metadataJson: "", attributes: [] };
const done = (id, outcome, ...blobs) => frame({ done: { id, report: { outcome, usage, logs: [] } } }, ...blobs);
/** Texts as a report's blob: each behind its length. */
const packed = (...texts) => Buffer.concat(texts.flatMap((text) => {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return [size, bytes];
}));
const hostPid = () => HOST_PID;
const nothing = () => { throw new Error("nothing there"); };
const ran = ({ error }) => { if (error) throw error; };
const { connect } = await import("node:net");
/** A refused connection is an answer too: the network was there. */
const connectTo = (port, host, resolve, reject) => {
  const socket = connect({ port, host, timeout: 1000 }, resolve);
  socket.on("error", (error) => (error.code === "ECONNREFUSED" ? resolve() : reject(error)));
  socket.on("timeout", () => resolve());
};
/** A descriptor of a file, directory or socket besides the pipes and the program itself. */
const otherDescriptor = () => {
  for (let fd = 4; fd < 256; fd += 1) {
    try {
      const kind = fstatSync(fd);
      if (kind.isFile() || kind.isDirectory() || kind.isSocket()) return;
    } catch { /* not open */ }
  }
  nothing();
};
/** What an honest prepare process answers, with its artifact and description changed. The first chunk is the whole request. */
const forge = async (chunk, change, describe) => {
  const { describePrepared, prepare } = await import("./prepare.js");
  const { packArtifact } = await import("../artifact-container.js");
  const { FrameReader } = await import("../process/frames.js");
  const limits = { maxHeadBytes: 1e9, maxHeadValues: Infinity, maxBlobs: 9, maxBlobBytes: 1e9 };
  new FrameReader(() => limits).push(chunk, ({ head, blobs: [component] }) => {
    const artifact = prepare(Uint8Array.from(component), head.recorded, head.limits);
    say(frame({ artifact: true }, packArtifact(change(artifact))));
    say(frame({ description: describe(describePrepared(artifact, head.limits), head.limits) }));
  });
};
process.stdin.once("data", (chunk) => void attack(chunk));
process.stdin.on("end", () => process.exit(0));
`;
