import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTaskerError } from "../../../src/core/errors/index.ts";
import { encodeFrame, type Frame, FrameReader } from "../../../src/runtime/process/frames.ts";

const frame = fc.record({
  head: fc.jsonValue(),
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
          const reader = new FrameReader(() => 1_000_000);
          const found: Frame[] = [];
          for (let at = 0; at < stream.length;) {
            const end = at + (cuts.next().value ?? 1);
            found.push(...reader.push(stream.subarray(at, end)));
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
        const reader = new FrameReader(() => 4_096);
        expect(answers(() => chunks.forEach((chunk) => reader.push(Buffer.from(chunk))))).toBe(true);
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
        expect(answers(() => new FrameReader(() => 4_096).push(damaged))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses a length beyond its cap before any of it has arrived", () => {
    expect(() => new FrameReader(() => 1_000).push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow("at most 1000");
  });

  it("holds no more than the frame that is under way, byte by byte", () => {
    const reader = new FrameReader(() => 1_000_000);
    const bytes = encodeFrame("x".repeat(100_000));
    const found = Array.from(bytes, (_, at) => reader.push(bytes.subarray(at, at + 1))).flat();
    expect(found).toHaveLength(1);
  });
});

/** True where the act ends, or ends in the protocol's error. */
function answers(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    return isTaskerError(error, "TSK_SANDBOX_PROTOCOL");
  }
}
