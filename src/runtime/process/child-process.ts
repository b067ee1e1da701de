/** Starting, feeding, watching and killing one child process, of any kind, behind all walls that this machine has. */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import { type ChildKind, childCode } from "./code-snapshot.ts";
import { type CpuTime, cpuTimeOf } from "./cpu-time.ts";
import { encodeFrame, type Frame, FrameReader } from "./frames.ts";
import { probeWalls, type Walls } from "./walls.ts";

export interface ChildOptions {
  readonly kind: ChildKind;
  /** JavaScript heap of the child; what wasm and buffers take is not in it. */
  readonly heapMegabytes: number;
  /** Cap for each frame that the child sends, asked anew for each. */
  readonly maxFrameBytes: () => number;
  readonly onFrame: (frame: Frame) => void;
  /** Once, when the process is gone, for whatever reason. Nothing arrives after it. */
  readonly onExit: (reason: string) => void;
}

/**
 * The running `node` as a descriptor of the child, behind its three pipes. By path a child of another uid could not
 * reach it where a directory on the way lets only the host enter.
 */
const NODE_FD = 3;
const STDERR_BYTES = 4_096;
const PAGE_BYTES = 4_096;
const DRAIN_MS = 250;

/**
 * V8 flags of every child. V8 optimises across calls of wasm functions: guests that are interpreters run up to a quarter faster
 * (docs/decisions/0003-processes.md).
 */
export const WASM_FLAGS: readonly string[] = [
  "--wasm-inlining-budget=50000",
  "--wasm-inlining-max-size=3000",
  "--wasm-inlining-factor=12",
  "--wasm-inlining-min-budget=500",
];

export interface Spawned {
  readonly process: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export class Child {
  readonly #spawned: Spawned;
  readonly #options: ChildOptions;
  readonly #reader: FrameReader;
  #stderr = "";
  #endedBy: string | undefined;
  /** It sent what is no frame: nothing more of it is read. */
  #broken = false;
  #exited = false;

  private constructor(child: Spawned, options: ChildOptions) {
    this.#spawned = child;
    this.#options = options;
    this.#reader = new FrameReader(options.maxFrameBytes);
    child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("latin1")).slice(-STDERR_BYTES);
    });
    child.stdin.on("error", () => undefined);
    child.process.on("error", (error) => this.#exit(error.message));
    child.process.on("exit", (code, signal) => {
      // What it said before its end is still in the pipe: without that nobody knows which steps have begun.
      void this.#drained().then(() => this.#exit(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
  }

  /** Starts a child. @throws TSK_SANDBOX_START_FAILED where the operating system refuses. */
  static async start(options: ChildOptions): Promise<Child> {
    const [code, walls] = await Promise.all([childCode(options.kind), probeWalls()]);
    try {
      return new Child(spawnBehindWalls(walls, code, options.heapMegabytes), options);
    } catch (error) {
      throw new TaskerError("TSK_SANDBOX_START_FAILED", {
        attempted: `Cannot start a ${options.kind} process`,
        found: error instanceof Error ? error.message : String(error),
        cause: error,
      });
    }
  }

  send(head: unknown, blobs?: readonly Uint8Array[]): void {
    if (!this.#exited) this.#spawned.stdin.write(encodeFrame(head, blobs));
  }

  /** Ends it at once, whatever it is doing; `reason` is what `onExit` will hear. */
  kill(reason: string): void {
    this.#endedBy ??= reason;
    this.#signalGroup();
  }

  /** Resident bytes of the process and its helpers; 0 where they cannot be read. */
  residentBytes(): number {
    const { pid } = this.#spawned.process;
    return pid === undefined || this.#exited ? 0 : residentBytesOf(pid);
  }

  /** CPU time of the process and its helpers; nothing where it cannot be read. */
  cpuTime(): CpuTime {
    const { pid } = this.#spawned.process;
    return pid === undefined || this.#exited ? NO_TIME : cpuTimeOfTree(pid);
  }

  #receive(chunk: Buffer): void {
    if (this.#broken || this.#exited) return;
    try {
      for (const frame of this.#reader.push(chunk)) this.#options.onFrame(frame);
    } catch (error) {
      this.#broken = true;
      // A hostile frame is this child's end and nobody else's; an error of ours is told by the same road.
      this.kill(isTaskerError(error) ? error.message : `the host could not read what it sent: ${String(error)}`);
    }
  }

  /** Resolves when all that the dead process said has been read, soon in any case: a stray child of it may hold the pipe. */
  async #drained(): Promise<void> {
    const { stdout } = this.#spawned;
    const over = new AbortController();
    const ended = finished(stdout, { signal: over.signal }).catch(() => undefined);
    const timer = setTimeout(() => over.abort(), DRAIN_MS);
    await ended;
    clearTimeout(timer);
  }

  #exit(how: string): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#spawned.stdout.destroy();
    this.#spawned.stdin.destroy();
    const said = this.#stderr.trim();
    this.#options.onExit(this.#endedBy ?? (said === "" ? how : `${how}: ${said.slice(0, 500)}`));
  }

  /** The whole group: between us and the child there may be a process that holds its namespaces. */
  #signalGroup(): void {
    const { pid } = this.#spawned.process;
    if (pid === undefined || this.#exited) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#spawned.process.kill("SIGKILL");
    }
  }
}

let nodeFd: number | undefined;

/** Starts `node` on a file of the snapshot, behind every wall that this machine has. */
export function spawnBehindWalls(
  walls: Walls,
  code: { entry: string; directory: string },
  heapMegabytes: number,
): Spawned {
  nodeFd ??= openSync(process.execPath, "r");
  const prefix = walls.prefix(walls.freshUid());
  const args = [
    "--permission",
    `--allow-fs-read=${code.directory}`,
    "--disallow-code-generation-from-strings",
    "--disable-sigusr1",
    "--no-warnings",
    `--max-old-space-size=${heapMegabytes}`,
    `--stack-size=${walls.stackKilobytes}`,
    ...WASM_FLAGS,
    code.entry,
  ];
  // Elsewhere there are no walls with words of their own, and no descriptors by name.
  const command = process.platform === "linux" ? [...prefix, `/proc/self/fd/${NODE_FD}`] : [process.execPath];
  const [program = process.execPath, ...rest] = [...command, ...args];
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe", nodeFd], env: {}, cwd: "/", detached: true });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("the pipes are missing");
  return { process: child, stdin, stdout, stderr };
}

const NO_TIME: CpuTime = { mainMs: 0, helpersMs: 0 };

function cpuTimeOfTree(pid: number): CpuTime {
  try {
    return [cpuTimeOf(pid), ...childrenOf(pid).map(cpuTimeOfTree)].reduce((sum, { mainMs, helpersMs }) => ({
      mainMs: sum.mainMs + mainMs,
      helpersMs: sum.helpersMs + helpersMs,
    }));
  } catch {
    return NO_TIME;
  }
}

function residentBytesOf(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
    return pages * PAGE_BYTES + childrenOf(pid).reduce((sum, child) => sum + residentBytesOf(child), 0);
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1"))
    .flatMap((line) =>
      line
        .split(" ")
        .filter((word) => word !== "")
        .map(Number),
    );
}
