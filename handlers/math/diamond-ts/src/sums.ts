/** The sums themselves: plain functions, tested without a sandbox. */
export const square = (n: number): number => n * n;
export const average = (b: number, c: number): number => (b + c) / 2;
