/** 96 × 64 points of the Mandelbrot set, at most 200 rounds each. */
export function run(): u32 {
  let sum: u32 = 0;
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 96; x++) {
      const cr = (<f64>x / 96) * 3 - 2;
      const ci = (<f64>y / 64) * 2 - 1;
      let zr: f64 = 0;
      let zi: f64 = 0;
      let round: u32 = 0;
      while (round < 200 && zr * zr + zi * zi <= 4) {
        const next = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = next;
        round++;
      }
      sum += round;
    }
  }
  return sum;
}
