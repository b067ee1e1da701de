import { systemClock } from "../../src/core/clock.ts";
import type { TcpProxy } from "../../test/support/tcp-proxy.ts";
import { FAULT_KINDS, type Fault, type FaultKind, type RestartWay } from "./fault.ts";
import type { Death, HostSlot } from "./host-slot.ts";
import type { LabPostgres } from "./postgres.ts";
import { descendantsOf } from "./process-tree.ts";

export interface InflictorDeps {
  readonly postgres: LabPostgres;
  readonly slots: readonly HostSlot[];
  readonly leaseSeconds: number;
}

/** A time without Postgres: from when it was told to go until it accepted connections again. */
export interface Down {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Who waits for a host to be up gives up after this: then hosts do not start, which is a finding. */
const UP_TIMEOUT_MS = 60_000;
const LOOK_MS = 20;
/** Between two faults where hosts were slow to come up: a schedule that is late is not caught up with at once. */
const GAP_MS = 150;
const STORM_WAVES = 3;
const STORM_INTERVAL_MS = 100;

const TAKES_HOST_DOWN: ReadonlySet<FaultKind> = new Set(["kill", "term", "freeze"]);

/** From the shortest to the longest; a fault's share says where between them. */
interface Range {
  readonly min: number;
  readonly max: number;
}
/** Beyond the lease, so that the session is declared dead for sure. */
const FREEZE_BEYOND_LEASE_MS: Range = { min: 1_000, max: 3_000 };
const DOWN_MS: Range = { min: 0, max: 1_500 };
const OUTAGE_LEASES = 2;
const NETWORK_MS: Range = { min: 1_000, max: 5_000 };
const LATENCY_MS: Range = { min: 20, max: 200 };

/** Inflicts faults on running hosts and keeps a record of them. */
export class Inflictor {
  readonly deaths: Death[] = [];
  /** Hosts that lost a sandbox process. */
  readonly sandboxKills: number[] = [];
  /** Those deaths during which another host was well. */
  readonly covered = new Set<Death>();
  readonly downs: Down[] = [];
  readonly #deps: InflictorDeps;
  readonly #counts = new Map<FaultKind, number>(FAULT_KINDS.map((kind) => [kind, 0]));
  readonly #underWay: Promise<void>[] = [];
  #restarting: Promise<void> = Promise.resolve();

  constructor(deps: InflictorDeps) {
    this.#deps = deps;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /**
   * Inflicts each at its time, or as soon as enough hosts are up: who takes a host down leaves another, or nobody could take
   * over and all would wait for the same. Resolves when all are over.
   */
  async run(schedule: readonly Fault[]): Promise<void> {
    const startedMs = performance.now();
    for (const fault of schedule) {
      await systemClock.wait(Math.max(0, fault.atMs - (performance.now() - startedMs)));
      const slot = await this.#upFrom(fault.host, TAKES_HOST_DOWN.has(fault.kind) ? 2 : 1);
      this.#counts.set(fault.kind, (this.#counts.get(fault.kind) ?? 0) + 1);
      const over = this.#inflict(fault, slot);
      over.catch(() => undefined); // It may fail before anybody waits for it.
      this.#underWay.push(over);
      await systemClock.wait(GAP_MS);
    }
    await Promise.all(this.#underWay);
  }

  async #inflict(fault: Fault, slot: HostSlot): Promise<void> {
    switch (fault.kind) {
      case "kill":
        this.#died(slot.kill(), slot);
        break;
      case "term":
        this.#died(slot.terminate(), slot);
        break;
      case "freeze":
        this.deaths.push(await slot.freeze(this.#leaseMs + within(FREEZE_BEYOND_LEASE_MS, fault.share)));
        break;
      case "storm":
        await this.#storm();
        break;
      case "restart":
        await this.#takeDown(fault.restart, within(DOWN_MS, fault.share));
        break;
      case "outage":
        await this.#takeDown(fault.restart, OUTAGE_LEASES * this.#leaseMs);
        break;
      case "network": {
        const cut = await slot.cutOff((proxy) => disturb(proxy, fault));
        if (cut !== undefined && fault.network !== "latency") this.deaths.push(cut);
        break;
      }
      case "sandbox": {
        const host = await killSandbox(slot, fault.share);
        if (host !== undefined) this.sandboxKills.push(host);
        break;
      }
      default:
        fault.kind satisfies never;
    }
  }

  get #leaseMs(): number {
    return this.#deps.leaseSeconds * 1_000;
  }

  #died(death: Death, slot: HostSlot): void {
    this.deaths.push(death);
    if (this.#deps.slots.some((other) => other !== slot && other.isWell)) this.covered.add(death);
  }

  /** The first slot from this one on whose host is up, once `enough` are (or all, where there are fewer). */
  async #upFrom(first: number, enough: number): Promise<HostSlot> {
    const { slots } = this.#deps;
    const inTurn = [...slots.slice(first), ...slots.slice(0, first)];
    const deadline = performance.now() + UP_TIMEOUT_MS;
    while (performance.now() < deadline) {
      const up = inTurn.filter(({ url }) => url !== undefined);
      const [slot] = up;
      if (slot !== undefined && up.length >= Math.min(enough, slots.length)) return slot;
      await systemClock.wait(LOOK_MS);
    }
    throw new Error(`fewer than ${enough} hosts were up for ${UP_TIMEOUT_MS} ms`);
  }

  async #storm(): Promise<void> {
    for (let wave = 0; wave < STORM_WAVES; wave += 1) {
      // A server that is down has no backends to terminate: it is its own storm.
      await this.#deps.postgres
        .admin((client) =>
          client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tasker-host'"),
        )
        .catch(() => undefined);
      await systemClock.wait(STORM_INTERVAL_MS);
    }
  }

  /** One after the other: a server that is down cannot go down. */
  #takeDown(way: RestartWay, ms: number): Promise<void> {
    this.#restarting = this.#takeDownAfter(this.#restarting, way, ms);
    return this.#restarting;
  }

  async #takeDownAfter(earlier: Promise<void>, way: RestartWay, ms: number): Promise<void> {
    await earlier;
    const fromMs = Date.now();
    await this.#deps.postgres.restart(way, ms);
    this.downs.push({ fromMs, toMs: Date.now() });
  }
}

async function disturb(proxy: TcpProxy, { network, share }: Fault): Promise<void> {
  proxy.setMode(network === "latency" ? { latencyMs: within(LATENCY_MS, share) } : network);
  await systemClock.wait(within(NETWORK_MS, share));
  // Bytes were lost on these connections: like a real one after that, they are good for nothing.
  if (network === "answers-lost") proxy.dropAll();
  proxy.setMode("pass");
}

/** One of the processes below the host, as soon as it has one. Returns the host's process. */
async function killSandbox(slot: HostSlot, share: number): Promise<number | undefined> {
  const deadline = performance.now() + UP_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const { pid } = slot;
    const below = pid === undefined ? [] : descendantsOf([pid]);
    const victim = below[Math.floor(share * below.length)];
    if (victim !== undefined) {
      process.kill(victim.pid, "SIGKILL");
      return pid;
    }
    await systemClock.wait(LOOK_MS);
  }
  return undefined;
}

function within({ min, max }: Range, share: number): number {
  return Math.round(min + (max - min) * share);
}
