/** What the JavaScript engines are measured with. Each handler takes some milliseconds and returns a check of its work. */
import { defineHandlers } from "@tasker-host/sdk";

/** Numbers below 2³² that look random and are the same every time. */
function numbers(count: number): number[] {
  let state = 12_345;
  return Array.from({ length: count }, () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0));
}

const RECORDS = numbers(400).map((number, id) => ({
  id,
  name: `record ${number}`,
  tags: [`t${number % 7}`, `u${number % 11}`],
  price: number / 1_000,
  nested: { even: number % 2 === 0, note: null },
}));
const DOCUMENT = JSON.stringify(RECORDS);
const UNSORTED = numbers(3_000);
const KEYS = numbers(2_000).map((number) => `key-${number % 700}`);
const TEXT = numbers(600)
  .map((number) => (number % 3 === 0 ? `user${number % 97}@example${number % 13}.com` : `word${number % 1_000}`))
  .join(" ");

function json(): number {
  const parsed: typeof RECORDS = JSON.parse(DOCUMENT);
  return JSON.stringify(parsed.map((record) => ({ ...record, price: record.price * 2 }))).length;
}

function string(): number {
  let built = "";
  for (let round = 0; round < 2_000; round += 1) built += `${round}:${String.fromCharCode(97 + (round % 26))};`;
  const parts = built.split(";").map((part) => part.toUpperCase().padStart(8, "."));
  return parts.join("|").replaceAll("1", "one").indexOf("|....1999") + parts.length;
}

function map(): number {
  const counts = new Map<string, number>();
  for (let round = 0; round < 5; round += 1) {
    for (const key of KEYS) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let sum = 0;
  for (const [key, count] of counts) sum += key.length * count;
  return sum;
}

function sort(): number {
  const sorted = UNSORTED.toSorted((a, b) => a - b);
  return sorted.reduce((sum, number, at) => (sum + number * (at % 3)) % 1_000_003, 0);
}

function regexp(): number {
  const addresses = TEXT.match(/\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b/g) ?? [];
  const replaced = TEXT.replace(/(\w+?)(\d{2,})/g, "$2-$1");
  return addresses.length + replaced.length;
}

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

export default defineHandlers({
  echo: (step) => step.input,
  json,
  string,
  map,
  sort,
  regexp,
  fib: () => fib(22),
});
