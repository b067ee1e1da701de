import { parseArgs } from "node:util";
import { FAULT_KINDS, type FaultKind } from "./fault.ts";

export interface ChaosOptions {
  readonly seed: number;
  /** At least so many steps are created. */
  readonly steps: number;
  readonly hosts: number;
  /** How long faults and new tasks are spread over; the drain comes after. */
  readonly seconds: number;
  /** How many faults of each kind. */
  readonly faults: Readonly<Record<FaultKind, number>>;
  /** The hosts' lease (`step_processing.claim_timeout_seconds`). */
  readonly leaseSeconds: number;
  /** How long after the last fault everything may take to finish. */
  readonly drainSeconds: number;
  /** Keeps the data also where nothing broke. */
  readonly keep: boolean;
  /** Whether a bar of time that is missed breaks the run: on a machine that does other work too it says little. */
  readonly bars: boolean;
}

/** Faults in a minute where the command line names none. */
const PER_MINUTE: Readonly<Record<FaultKind, number>> = {
  kill: 20,
  term: 10,
  freeze: 4,
  storm: 6,
  restart: 3,
  network: 10,
  sandbox: 10,
  outage: 1,
};

const NUMBERS = {
  seed: 1,
  steps: 20_000,
  hosts: 3,
  seconds: 60,
  lease: 5,
  drain: 120,
} as const;

/** Reads `--seed 1 --steps 20000 --hosts 3 --seconds 60 --kills 40 --terms 20 …`. @throws Error where a value is no number. */
export function parseOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries([...Object.keys(NUMBERS), ...FAULT_KINDS.map(optionOf)].map((name) => [name, STRING])),
      keep: { type: "boolean", default: false },
      "no-bars": { type: "boolean", default: false },
    },
  });
  const given = new Map(Object.entries(values));
  const number = (name: string, otherwise: number): number => {
    const value = given.get(name);
    if (value === undefined) return otherwise;
    const parsed = Number(value);
    if (!Number.isFinite(parsed) || parsed < 0) throw new Error(`--${name} is "${String(value)}", wanted a number`);
    return parsed;
  };
  const seconds = number("seconds", NUMBERS.seconds);
  const faults = FAULT_KINDS.map((kind): [FaultKind, number] => [
    kind,
    number(optionOf(kind), Math.max(1, Math.round((PER_MINUTE[kind] * seconds) / 60))),
  ]);
  return {
    seed: number("seed", NUMBERS.seed),
    steps: number("steps", NUMBERS.steps),
    hosts: number("hosts", NUMBERS.hosts),
    seconds,
    faults: {
      kill: countOf(faults, "kill"),
      term: countOf(faults, "term"),
      freeze: countOf(faults, "freeze"),
      storm: countOf(faults, "storm"),
      restart: countOf(faults, "restart"),
      network: countOf(faults, "network"),
      sandbox: countOf(faults, "sandbox"),
      outage: countOf(faults, "outage"),
    },
    leaseSeconds: number("lease", NUMBERS.lease),
    drainSeconds: number("drain", NUMBERS.drain),
    keep: values["keep"] ?? false,
    bars: !values["no-bars"],
  };
}

const STRING = { type: "string" } as const;

/** `--kills`, `--terms`, …; a sandbox is killed by `--sandboxes`, the network fails by `--networks`. */
function optionOf(kind: FaultKind): string {
  return kind === "sandbox" ? "sandboxes" : `${kind}s`;
}

function countOf(faults: readonly (readonly [FaultKind, number])[], kind: FaultKind): number {
  return faults.find(([name]) => name === kind)?.[1] ?? 0;
}
