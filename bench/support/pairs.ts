/**
 * Two ways to do one thing, timed in turns by the clock: the CPU time of a thread comes in steps of 4 ms on many kernels.
 * Work of microseconds is timed call by call, and the median call counts: the collector's pauses, milliseconds each, fall
 * on either side by chance.
 */

export interface PairsPlan {
  /** Milliseconds that each side runs before anything counts: V8 compiles anew what runs hot. */
  readonly warmUpMs: number;
  /** Milliseconds of one sample. */
  readonly sampleMs: number;
  readonly pairs: number;
}

/** At least 1 s of each side after warm-up. Many short pairs: what disturbs the machine for longer meets both sides. */
export const FULL: PairsPlan = { warmUpMs: 2_000, sampleMs: 30, pairs: 41 };
export const QUICK: PairsPlan = { warmUpMs: 400, sampleMs: 20, pairs: 11 };

export interface Comparison {
  /** Median over the pairs of measured time to base time. */
  readonly ratio: number;
  readonly min: number;
  readonly max: number;
  /** Medians, in milliseconds of one call. */
  readonly baseMs: number;
  /** The parts of the base, each by itself. */
  readonly basePartsMs: readonly number[];
  readonly measuredMs: number;
}

/** How a sample of some calls is timed: milliseconds of one call. */
type Timer = (run: () => unknown, calls: number) => number;

/** The mean call. */
export const byMeanCall: Timer = (run, calls) => {
  const start = performance.now();
  for (let call = 0; call < calls; call += 1) run();
  return (performance.now() - start) / calls;
};

/** The median call. */
export const byMedianCall: Timer = (run, calls) =>
  median(
    Array.from({ length: calls }, () => {
      const start = performance.now();
      run();
      return performance.now() - start;
    }),
  );

/**
 * Times `measured` against the sum of `base`, whose parts are timed apart so that none finds the caches that another
 * left; which of the two comes first changes with each pair.
 */
export function comparePairs(
  base: readonly (() => unknown)[],
  measured: () => unknown,
  plan: PairsPlan,
  timer: Timer,
): Comparison {
  const parts = base.map((run) => ({ run, calls: callsOfSample(run, plan) }));
  const calls = callsOfSample(measured, plan);
  const timeParts = (): number[] => parts.map((part) => timer(part.run, part.calls));
  const samples = Array.from({ length: plan.pairs }, (_, index) => {
    if (index % 2 === 0) return { base: timeParts(), measured: timer(measured, calls) };
    const first = timer(measured, calls);
    return { base: timeParts(), measured: first };
  });
  const ratios = samples.map((sample) => sample.measured / sum(sample.base));
  return {
    ratio: median(ratios),
    min: Math.min(...ratios),
    max: Math.max(...ratios),
    baseMs: median(samples.map((sample) => sum(sample.base))),
    basePartsMs: parts.map((_, part) => median(samples.map((sample) => sample.base[part] ?? Number.NaN))),
    measuredMs: median(samples.map((sample) => sample.measured)),
  };
}

/** Milliseconds of one call: warmed up, then the median of the samples. */
export function timeOf(run: () => unknown, plan: PairsPlan, timer: Timer): number {
  const calls = callsOfSample(run, plan);
  return median(Array.from({ length: plan.pairs }, () => timer(run, calls)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Warms `run` up and says how many calls fill a sample, by the second half: the first is slow code. */
function callsOfSample(run: () => unknown, { warmUpMs, sampleMs }: PairsPlan): number {
  const start = performance.now();
  while (performance.now() - start < warmUpMs / 2) run();
  const half = performance.now();
  let calls = 0;
  do {
    run();
    calls += 1;
  } while (performance.now() - start < warmUpMs);
  return Math.ceil((calls / (performance.now() - half)) * sampleMs);
}

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** NaN of none. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
