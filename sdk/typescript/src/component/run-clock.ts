/**
 * The clock and the randomness of the run: both come with the step's context and nowhere else from, so that a run can be
 * repeated. At build time the clock stands at 0 and the sequence has a fixed seed: whatever a module's top level takes
 * from them is in the snapshot and the same in every run.
 */
let nowMs = 0;
let seedText = "build";
/** Whether the generator's state is that of `seedText`: most steps draw nothing, and need not pay for seeding. */
let seeded = false;
let a = 0;
let b = 0;
let c = 0;
let counter = 1;

/** Sets both for a run. `seed` is any text. */
export function startRunClock(now: number, seed: string): void {
  nowMs = now;
  seedText = seed;
  seeded = false;
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

function nextUint32(): number {
  if (!seeded) startSequence();
  return step();
}

/** Three words from the seed by FNV-1a, each from another start; the first draws are dropped so that they mix. */
function startSequence(): void {
  a = hash(seedText, 0x811c9dc5);
  b = hash(seedText, 0x9e3779b9);
  c = hash(seedText, 0x85ebca6b);
  counter = 1;
  for (let round = 0; round < 12; round += 1) step();
  seeded = true;
}

/** The sfc32 generator: small, fast in an interpreter, passes the usual test batteries. */
function step(): number {
  const out = (a + b + counter) | 0;
  counter = (counter + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (((c << 21) | (c >>> 11)) + out) | 0;
  return out >>> 0;
}

function hash(text: string, start: number): number {
  let value = start;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}
