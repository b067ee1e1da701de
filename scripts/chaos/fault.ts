import { randomOf } from "../fuzz/mutants.ts";

/**
 * What can go wrong. `kill`: SIGKILL to a host. `term`: SIGTERM to one. `freeze`: SIGSTOP for longer than the lease, then
 * SIGCONT. `storm`: all backends of the hosts are terminated, three times in a row. `restart`: Postgres goes down and comes
 * back. `network`: latency, resets, a black hole or lost answers between one host and Postgres. `sandbox`: SIGKILL to a
 * process that a host runs handlers in. `outage`: Postgres is down for two leases, for all hosts: none of them is dead.
 */
export const FAULT_KINDS = ["kill", "term", "freeze", "storm", "restart", "network", "sandbox", "outage"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** How Postgres goes down: smart enough to write a checkpoint, without one, or without a word. */
export const RESTART_WAYS = ["fast", "immediate", "kill"] as const;
export type RestartWay = (typeof RESTART_WAYS)[number];

export const NETWORK_WAYS = ["latency", "reset", "blackhole", "answers-lost"] as const;
export type NetworkWay = (typeof NETWORK_WAYS)[number];

/** One fault of the schedule. All that is random about it was drawn beforehand. */
export interface Fault {
  readonly kind: FaultKind;
  /** Milliseconds from the start. */
  readonly atMs: number;
  /** Which host it hits: the first one that is up, counted from here. */
  readonly host: number;
  /** How long it lasts, where it does; 0 to 1, the fault's own range is scaled by it. */
  readonly share: number;
  readonly restart: RestartWay;
  readonly network: NetworkWay;
}

export interface Schedule {
  readonly seed: number;
  readonly seconds: number;
  readonly hosts: number;
  readonly counts: Readonly<Record<FaultKind, number>>;
}

/** The same faults at the same times for the same seed, in order of time. The first comes after a tenth of the time. */
export function scheduleOf({ seed, seconds, hosts, counts }: Schedule): readonly Fault[] {
  const random = randomOf(seed);
  const pick = <T>(values: readonly T[]): T => {
    const value = values[random(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  };
  const faults = FAULT_KINDS.flatMap((kind) =>
    Array.from({ length: counts[kind] }, (_, index): Fault => {
      // One in each slice of the time: a storm of kills in one second tests less than many seconds with one each.
      const slice = (seconds * 900) / counts[kind];
      return {
        kind,
        atMs: seconds * 100 + slice * index + random(Math.max(1, Math.floor(slice))),
        host: random(hosts),
        share: random(1_000) / 1_000,
        restart: pick(RESTART_WAYS),
        network: pick(NETWORK_WAYS),
      };
    }),
  );
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}
