/** What planted code begins with: the protocol's frames by hand, so that it can keep to it or break it. */
export const PLANTED_WORDS = `
import { writeSync } from "node:fs";
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
const success = { kind: "success", resultJson: "", metadataJson: "{}", attributes: [] };
const done = (id, outcome, ...blobs) => frame({ done: { id, report: { outcome, usage, logs: [] } } }, ...blobs);
process.stdin.once("data", () => void attack());
process.stdin.on("end", () => process.exit(0));
`;
