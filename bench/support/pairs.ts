/**
 * Two ways to do one thing, timed in turns.
 *
 * Work of milliseconds is timed by the CPU time of this thread: what other processes take of a shared machine is not in
 * it. Work of microseconds is timed call by call and by the clock, and the median call counts: the collector's pauses,
 * milliseconds each, fall on either side by chance.
 */

export interface PairsPlan {
  /** Milliseconds that each side runs before anything counts: V8 compiles anew what runs hot. */
  readonly warmUpMs: number;
  /** Milliseconds of one sample. */
  readonly sampleMs: number;
  readonly pairs: number;
}

/** At least 1 s of each side after warm-up. Many short pairs: what disturbs the machine for longer meets both sides. */
export const FULL: PairsPlan = { warmUpMs: 2_000, sampleMs: 60, pairs: 25 };
export const QUICK: PairsPlan = { warmUpMs: 400, sampleMs: 30, pairs: 9 };

export interface Comparison {
  /** Median over the pairs of measured time to base time. */
  readonly ratio: number;
  readonly min: number;
  readonly max: number;
  /** Medians, in milliseconds of one call. */
  readonly baseMs: number;
  readonly measuredMs: number;
}

/** How a sample of some calls is timed: milliseconds of one call. */
type Timer = (run: () => unknown, calls: number) => number;

/** By the CPU time of this thread. */
export const byThreadTime: Timer = (run, calls) => {
  const start = process.threadCpuUsage();
  for (let call = 0; call < calls; call += 1) run();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1_000 / calls;
};

/** By the clock, the median call. */
export const byMedianCall: Timer = (run, calls) =>
  median(
    Array.from({ length: calls }, () => {
      const start = performance.now();
      run();
      return performance.now() - start;
    }),
  );

/** Times `base` against `measured`; which of the two comes first changes with each pair. */
export function comparePairs(
  base: () => unknown,
  measured: () => unknown,
  plan: PairsPlan,
  timer: Timer = byThreadTime,
): Comparison {
  const baseCalls = callsOfSample(base, plan);
  const measuredCalls = callsOfSample(measured, plan);
  const samples = Array.from({ length: plan.pairs }, (_, index) => {
    if (index % 2 === 0) return { base: timer(base, baseCalls), measured: timer(measured, measuredCalls) };
    const second = timer(measured, measuredCalls);
    return { base: timer(base, baseCalls), measured: second };
  });
  const ratios = samples.map((sample) => sample.measured / sample.base);
  return {
    ratio: median(ratios),
    min: Math.min(...ratios),
    max: Math.max(...ratios),
    baseMs: median(samples.map((sample) => sample.base)),
    measuredMs: median(samples.map((sample) => sample.measured)),
  };
}

/** Milliseconds of one call: warmed up, then the median of the samples. */
export function timeOf(run: () => unknown, plan: PairsPlan, timer: Timer = byThreadTime): number {
  const calls = callsOfSample(run, plan);
  return median(Array.from({ length: plan.pairs }, () => timer(run, calls)));
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

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
