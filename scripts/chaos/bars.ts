import type { ClientBase } from "pg";
import type { Death, Exit } from "./host-slot.ts";
import type { Down } from "./inflict.ts";
import { percentiles, type Percentiles } from "./percentiles.ts";
import { claimingAgain, handOverOf, recoveryOf } from "./recovery.ts";

/** How long something may take, at the 99th percentile, and how long it took. */
export interface Bar {
  readonly name: string;
  readonly limit_ms: number;
  readonly found_ms: Percentiles;
  readonly holds: boolean;
}

/** What was measured; times when Postgres was down, or had just come back, are no measure of anything else. */
export interface Measured {
  readonly leaseMs: number;
  readonly deaths: readonly Death[];
  /** Deaths during which another host was well. */
  readonly covered: ReadonlySet<Death>;
  readonly downs: readonly Down[];
  readonly exits: readonly Exit[];
}

const CLAIMING_AGAIN_MS = 5_000;
const HAND_OVER_MS = 1_000;
const EXIT_MS = 5_000;
const IDLE_EXIT_MS = 1_000;

/** Checks the bars of docs/recovery.md. */
export async function checkBars(client: ClientBase, measured: Measured): Promise<readonly Bar[]> {
  const { leaseMs, deaths, covered, downs, exits } = measured;
  const whileUp = ({ atMs }: { readonly atMs: number }, ms: number): boolean =>
    downs.every(({ fromMs, toMs }) => atMs + ms < fromMs || atMs > toMs + CLAIMING_AGAIN_MS);
  const killed = deaths.filter((death) => death.kind === "kill" && covered.has(death) && whileUp(death, 2 * leaseMs));
  const told = deaths.filter((death) => death.kind === "term" && covered.has(death) && whileUp(death, EXIT_MS));
  // A server that goes down again before anybody could claim has not returned.
  const returned = downs
    .map(({ toMs }) => toMs)
    .filter((toMs) => downs.every(({ fromMs }) => fromMs < toMs || fromMs > toMs + CLAIMING_AGAIN_MS));
  const exitMs = (idle: boolean): Percentiles =>
    percentiles(exits.filter((exit) => exit.idle === idle && whileUp(exit, EXIT_MS)).map(({ ms }) => ms));
  return [
    barOf("recovery of a killed host's steps", 2 * leaseMs, await recoveryOf(client, killed)),
    barOf("claiming again after Postgres is back", CLAIMING_AGAIN_MS, await claimingAgain(client, returned)),
    barOf("hand-over after SIGTERM", HAND_OVER_MS, await handOverOf(client, told)),
    barOf("exit after SIGTERM", EXIT_MS, exitMs(false)),
    barOf("exit of an idle host after SIGTERM", IDLE_EXIT_MS, exitMs(true)),
  ];
}

/** Holds where there is nothing to measure. */
function barOf(name: string, limitMs: number, found: Percentiles): Bar {
  return { name, limit_ms: limitMs, found_ms: found, holds: (found.p99 ?? 0) <= limitMs };
}

/** For a person. */
export function barText({ name, limit_ms: limitMs, found_ms: { n, p50, p99, max } }: Bar): string {
  const figures = n === 0 ? "not measured" : `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms of ${n}`;
  return `${name}: ${figures}; at most ${limitMs} ms`;
}
