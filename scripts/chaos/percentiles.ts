/** Of `n` values; undefined where there are none. */
export interface Percentiles {
  readonly n: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

/** By rank, whole numbers. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number | undefined => {
    const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    return value === undefined ? undefined : Math.round(value);
  };
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
