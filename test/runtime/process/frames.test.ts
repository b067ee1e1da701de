import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTaskerError } from "../../../src/core/errors/index.ts";
import { encodeFrame, type Frame, type FrameLimits, FrameReader } from "../../../src/runtime/process/frames.ts";

const LIMITS: FrameLimits = { maxHeadBytes: 4_096, maxHeadValues: 100, maxBlobs: 8, maxBlobBytes: 4_096 };
const ROOMY: FrameLimits = { maxHeadBytes: 1_000_000, maxHeadValues: 10_000, maxBlobs: 8, maxBlobBytes: 1_000_000 };

/** The frames in one chunk. */
function read(chunk: Buffer, limits: FrameLimits = LIMITS): readonly Frame[] {
  const frames: Frame[] = [];
  new FrameReader(() => limits).push(chunk, (frame) => frames.push(frame));
  return frames;
}

const frame = fc.record({
  head: fc.jsonValue({ maxDepth: 8 }),
  blobs: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }),
});

describe("FrameReader", () => {
  it("gives back what was encoded, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(({ head, blobs }) => encodeFrame(head, blobs)));
          const reader = new FrameReader(() => ROOMY);
          const found: Frame[] = [];
          for (let at = 0; at < stream.length;) {
            const end = at + (cuts.next().value ?? 1);
            reader.push(stream.subarray(at, end), (each) => found.push(each));
            at = end;
          }
          expect(found.map(({ head, blobs }) => ({ head, blobs: blobs.map((blob) => Array.from(blob)) }))).toEqual(
            frames.map(({ head, blobs }) => ({
              head: JSON.parse(JSON.stringify(head)),
              blobs: blobs.map((blob) => Array.from(blob)),
            })),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it("answers any bytes with frames or TSK_SANDBOX_PROTOCOL, nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        const reader = new FrameReader(() => LIMITS);
        expect(answers(() => chunks.forEach((chunk) => reader.push(Buffer.from(chunk), () => undefined)))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("answers a damaged frame with frames or TSK_SANDBOX_PROTOCOL, nothing else", () => {
    const good = encodeFrame({ started: 7, done: { id: 6 } }, [Buffer.from("abc"), Buffer.alloc(0)]);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(good);
        damaged[at] = byte;
        expect(answers(() => read(damaged))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses a length beyond its cap before any of it has arrived", () => {
    expect(() => read(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow("at most 8232");
  });

  it.each([
    ["a head that is too long", encodeFrame("x".repeat(4_096)), "a head of 4098 bytes"],
    ["too many blobs", encodeFrame({}, Array<Buffer>(9).fill(Buffer.alloc(0))), "a frame of 9 blobs"],
  ])("refuses %s by the first twelve bytes", (_, bytes, found) => {
    expect(() => read(bytes.subarray(0, 12))).toThrow(found);
  });

  it("refuses blobs beyond their cap where the head leaves room for them", () => {
    expect(() => read(encodeFrame({}, [Buffer.alloc(4_097)]))).toThrow("4097 bytes of blobs");
    expect(read(encodeFrame({}, [Buffer.alloc(4_096)]))).toHaveLength(1);
  });

  it.each([
    ["arrays", `[${"[],".repeat(100)}0]`],
    ["objects", `{"a":[${"{},".repeat(100)}0]}`],
    ["numbers", `[${"1,".repeat(100)}1]`],
    ["depth", `${"[".repeat(33)}${"]".repeat(33)}`],
    ["arrays that are never closed", "[".repeat(4_000)],
    ["arrays behind a text that ends in a backslash", `["\\\\",${"[],".repeat(100)}0]`],
  ])("parses no head of too much of %s", (_, head) => {
    expect(() => read(withHead(head))).toThrow(/more than (100 values|32 deep)/);
  });

  it("counts nothing inside texts", () => {
    const head = { text: `"[${"{[,".repeat(500)}\\"` };
    expect(read(encodeFrame(head))).toEqual([{ head, blobs: [] }]);
  });

  it("asks for the limits of a frame when the one before it was handed over", () => {
    let limits = LIMITS;
    const heads: unknown[] = [];
    const reader = new FrameReader(() => limits);
    reader.push(Buffer.concat([encodeFrame("first"), encodeFrame("x".repeat(5_000))]), ({ head }) => {
      heads.push(head);
      limits = ROOMY;
    });
    expect(heads).toEqual(["first", "x".repeat(5_000)]);
  });

  it("holds no more than the frame that is under way, byte by byte", () => {
    const reader = new FrameReader(() => ROOMY);
    const bytes = encodeFrame("x".repeat(100_000));
    const found: Frame[] = [];
    for (let at = 0; at < bytes.length; at += 1) reader.push(bytes.subarray(at, at + 1), (each) => found.push(each));
    expect(found).toHaveLength(1);
  });
});

/** A frame whose head is any text. */
function withHead(head: string): Buffer {
  const text = Buffer.from(head);
  const prefix = Buffer.alloc(12);
  prefix.writeUInt32LE(8 + text.length, 0);
  prefix.writeUInt32LE(text.length, 4);
  return Buffer.concat([prefix, text]);
}

/** True where the act ends, or ends in the protocol's error. */
function answers(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    return isTaskerError(error, "TSK_SANDBOX_PROTOCOL");
  }
}
