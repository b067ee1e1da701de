import { systemClock } from "../../src/core/clock.ts";
import { startProxy, type TcpProxy } from "../../test/support/tcp-proxy.ts";
import { HostProcess } from "./host-process.ts";
import type { LabPostgres } from "./postgres.ts";

/** A host that was taken away from its steps, or from its database for so long that it may be taken for dead. */
export interface Death {
  readonly pid: number;
  readonly startedMs: number;
  readonly atMs: number;
  readonly kind: "kill" | "term" | "freeze" | "network";
}

/** How a host took a SIGTERM. */
export interface Exit {
  readonly atMs: number;
  readonly ms: number;
  /** Nothing was under way any more. */
  readonly idle: boolean;
}

const RESTART_WAIT_MS = 250;
const UP_TIMEOUT_MS = 60_000;
const LOOK_MS = 20;

/** One of the hosts: a process that is started again whenever it ends, behind a network of its own. */
export class HostSlot {
  readonly #postgres: LabPostgres;
  readonly #args: readonly string[];
  readonly #logPath: string;
  readonly proxy: TcpProxy;
  /** Hosts that ended although nobody asked them to. */
  readonly problems: string[] = [];
  readonly exits: Exit[] = [];
  #host: HostProcess | undefined;
  #url: string | undefined;
  /** A fault that takes time is under way. */
  #busy = false;
  #expected = false;
  #cutOff = 0;
  #closing = false;
  #life: Promise<void> = Promise.resolve();

  private constructor(postgres: LabPostgres, proxy: TcpProxy, args: readonly string[], logPath: string) {
    this.#postgres = postgres;
    this.proxy = proxy;
    this.#args = args;
    this.#logPath = logPath;
  }

  /** Starts the first process; it is not ready yet. */
  static async open(postgres: LabPostgres, args: readonly string[], logPath: string): Promise<HostSlot> {
    const proxy = await startProxy({ socketPath: postgres.socketPath });
    const slot = new HostSlot(postgres, proxy, args, logPath);
    slot.#life = slot.#live();
    return slot;
  }

  /** Address of the host, while it is up and no fault has it in its hands. */
  get url(): string | undefined {
    return this.#busy ? undefined : this.#url;
  }

  get pid(): number | undefined {
    return this.#host?.pid;
  }

  /** It is up, and its network is good. */
  get isWell(): boolean {
    return this.url !== undefined && this.#cutOff === 0;
  }

  /** Lets `fault` happen to the network of the host. */
  async cutOff(fault: (proxy: TcpProxy) => Promise<void>): Promise<Death | undefined> {
    const host = this.#host;
    const atMs = Date.now();
    this.#cutOff += 1;
    await fault(this.proxy);
    this.#cutOff -= 1;
    return host === undefined ? undefined : { pid: host.pid, startedMs: host.startedMs, atMs, kind: "network" };
  }

  /** Resolves when a host is ready. @throws Error where none is within a minute. */
  async untilUp(): Promise<void> {
    const deadline = performance.now() + UP_TIMEOUT_MS;
    while (this.#url === undefined) {
      if (performance.now() > deadline) throw new Error(`no host got ready: see ${this.#logPath}`);
      await systemClock.wait(LOOK_MS);
    }
  }

  /** SIGKILL; the next process starts at once. */
  kill(): Death {
    return this.#die("kill", "SIGKILL");
  }

  /** SIGTERM; the next process starts when this one has ended. */
  terminate(): Death {
    return this.#die("term", "SIGTERM");
  }

  /** SIGSTOP for so long, then SIGCONT. */
  async freeze(ms: number): Promise<Death> {
    const host = this.#current();
    this.#busy = true;
    host.signal("SIGSTOP");
    const death: Death = { pid: host.pid, startedMs: host.startedMs, atMs: Date.now(), kind: "freeze" };
    await systemClock.wait(ms);
    host.signal("SIGCONT");
    this.#busy = false;
    return death;
  }

  /** Ends the host by SIGTERM and starts no other. */
  async close(): Promise<void> {
    this.#closing = true;
    const host = this.#host;
    if (host !== undefined && !host.hasEnded) {
      this.#expect("SIGTERM");
      host.signal("SIGCONT");
      host.signal("SIGTERM");
    }
    await this.#life;
    await this.proxy.close();
  }

  #die(kind: "kill" | "term", signal: NodeJS.Signals): Death {
    const host = this.#current();
    this.#expect(signal);
    this.#url = undefined;
    const atMs = Date.now();
    host.signal(signal);
    return { pid: host.pid, startedMs: host.startedMs, atMs, kind };
  }

  #expect(signal: NodeJS.Signals): void {
    this.#expected = true;
    if (signal !== "SIGTERM") return;
    const host = this.#host;
    const atMs = Date.now();
    const idle = this.#closing;
    void host?.ended.then(() => this.exits.push({ atMs, ms: Date.now() - atMs, idle }));
  }

  #current(): HostProcess {
    if (this.#host === undefined) throw new Error("no host in this slot yet");
    return this.#host;
  }

  async #live(): Promise<void> {
    while (!this.#closing) {
      const host = new HostProcess(this.#postgres.urlThrough(this.proxy.port), this.#args, this.#logPath);
      this.#host = host;
      this.#expected = false;
      const url = await host.ready;
      this.#url = this.#expected ? undefined : url;
      const { code, signal } = await host.ended;
      this.#url = undefined;
      if (this.#expected && signal === null && code !== 0) this.problems.push(`exit ${code} after SIGTERM`);
      // Without a database it does not start; once it is up nothing but a signal may end it.
      if (!this.#expected && url !== undefined) this.problems.push(`ended by itself: ${signal ?? `exit ${code}`}`);
      if (!this.#expected && !this.#closing) await systemClock.wait(RESTART_WAIT_MS);
    }
  }
}
