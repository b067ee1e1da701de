/** fib(30), the slow way: nothing but calls. */
function fib(n: i32): u32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

export function run(): u32 {
  return fib(30);
}
