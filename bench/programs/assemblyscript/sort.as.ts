/** Sorts 20,000 numbers with the library's sort and a comparison of our own. */
const COUNT = 20000;
const unsorted = new Array<i32>(COUNT);
let state: u32 = 12345;
for (let at = 0; at < COUNT; at++) {
  state = state * 1664525 + 1013904223;
  unsorted[at] = <i32>(state >> 1);
}

export function run(): u32 {
  const sorted = unsorted.slice(0);
  sorted.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  let sum: u32 = 0;
  for (let at = 0; at < COUNT; at++) sum = sum * 31 + <u32>sorted[at];
  return sum;
}
