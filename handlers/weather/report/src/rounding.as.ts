/** To two decimals: what is measured in tenths has no more to say. */
export function rounded(value: f64): f64 {
  return Math.round(value * 100) / 100;
}
