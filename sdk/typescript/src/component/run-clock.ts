/**
 * The clock and the randomness of the run: both come with the step's context and nowhere else from, so that a run can be
 * repeated. At build time the clock stands at 0 and the sequence has a fixed seed: whatever a module's top level takes
 * from them is in the snapshot and the same in every run.
 */
let nowMs = 0;
let state: readonly [number, number, number, number] = [0, 0, 0, 1];
seed("build");

/** Sets both for a run. `text` seeds the sequence. */
export function startRunClock(now: number, text: string): void {
  nowMs = now;
  seed(text);
}

/** Milliseconds since 1970 when the run began. */
export function runNow(): number {
  return nowMs;
}

/** The next number of the run's sequence, in [0, 1), with 53 random bits. */
export function runRandom(): number {
  const high = nextUint32() >>> 5;
  const low = nextUint32() >>> 6;
  return (high * 67_108_864 + low) / 9_007_199_254_740_992;
}

/** Fills `bytes` from the run's sequence. */
export function runRandomBytes(bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = nextUint32() & 0xff;
}

/** The sfc32 generator: small, fast in an interpreter, passes the usual test batteries. */
function nextUint32(): number {
  const [a, b, c, counter] = state;
  const out = (a + b + counter) | 0;
  state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + out) | 0, (counter + 1) | 0];
  return out >>> 0;
}

/** Four words from the text by FNV-1a, each from another start; the first draws are dropped so that they mix. */
function seed(text: string): void {
  state = [hash(text, 0x811c9dc5), hash(text, 0x9e3779b9), hash(text, 0x85ebca6b), 1];
  for (let round = 0; round < 12; round += 1) nextUint32();
}

function hash(text: string, start: number): number {
  let value = start;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}
