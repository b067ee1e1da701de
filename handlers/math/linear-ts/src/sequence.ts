/** The sums themselves: plain functions, tested without a sandbox. */
export const square = (n: number): number => n * n;
export const add = (n: number): number => n + 10;
export const multiply = (n: number): number => n * 3;
export const divide = (n: number): number => n / 2;
