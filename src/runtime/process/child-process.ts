/** Starting, feeding, watching and killing one child process, of any kind, behind all walls that this machine has. */
import { type ChildProcess, spawn, type StdioNull, type StdioPipe } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import { type ChildCode, type ChildKind, childCode } from "./code-snapshot.ts";
import type { CpuTime } from "./cpu-time.ts";
import { encodeFrame, type Frame, type FrameLimits, FrameReader } from "./frames.ts";
import { cpuTimeOfTree, killAllOf, killTree, residentBytesOfTree } from "./process-tree.ts";
import { NODE_BY_DESCRIPTOR, probeWalls, type SeenCode, type Walls } from "./walls.ts";

/**
 * Which of V8's compilers a child has for WebAssembly. With both, hot functions are compiled again by the optimising one, whose
 * frames may be larger than the meter's model of them; with the first alone they never are.
 */
export type Tiers = "both" | "first";

export interface ChildOptions {
  readonly kind: ChildKind;
  readonly tiers: Tiers;
  /** JavaScript heap of the child; what wasm and buffers take is not in it. */
  readonly heapMegabytes: number;
  /** Of each frame that the child sends, asked anew for each. */
  readonly frameLimits: () => FrameLimits;
  readonly onFrame: (frame: Frame) => void;
  /** Once, when the process is gone, for whatever reason. Nothing arrives after it. */
  readonly onExit: (reason: string) => void;
}

const STDERR_BYTES = 4_096;
const DRAIN_MS = 250;

/**
 * V8 flags of children with both of its compilers. V8 optimises across calls of wasm functions: guests that are interpreters run up to a quarter faster
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
  /** What nobody but this child and what it starts has, and what is left of them is to be found by; undefined where its end is theirs. */
  readonly strayUid: number | undefined;
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
    this.#reader = new FrameReader(options.frameLimits);
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
    const walls = await probeWalls();
    const code = await childCode(options.kind, { verified: walls.codeIsInReach });
    try {
      return new Child(spawnBehindWalls(walls, code, options), options);
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
    const { pid } = this.#spawned.process;
    if (pid !== undefined && !this.#exited) killTree(pid);
  }

  /** Resident bytes of the process and its helpers; 0 where they cannot be read. */
  residentBytes(): number {
    const { pid } = this.#spawned.process;
    return pid === undefined || this.#exited ? 0 : residentBytesOfTree(pid);
  }

  /** CPU time of the process and its helpers; nothing where it cannot be read. */
  cpuTime(): CpuTime {
    const { pid } = this.#spawned.process;
    return pid === undefined || this.#exited ? { mainMs: 0, helpersMs: 0 } : cpuTimeOfTree(pid);
  }

  #receive(chunk: Buffer): void {
    if (this.#broken || this.#exited) return;
    try {
      this.#reader.push(chunk, this.#options.onFrame);
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
    // Where this process did not run meanwhile, time is over before anything was read: one turn of the event loop reads what is there.
    const timer = setTimeout(() => setImmediate(() => over.abort()), DRAIN_MS);
    await ended;
    clearTimeout(timer);
  }

  #exit(how: string): void {
    if (this.#exited) return;
    this.#exited = true;
    const { strayUid } = this.#spawned;
    if (strayUid !== undefined) killAllOf(strayUid);
    this.#spawned.stdout.destroy();
    this.#spawned.stdin.destroy();
    const said = this.#stderr.trim();
    this.#options.onExit(this.#endedBy ?? (said === "" ? how : `${how}: ${said.slice(0, 500)}`));
  }
}

/** Starts `node` on a file of the snapshot, behind every wall that this machine has. */
export function spawnBehindWalls(
  walls: Walls,
  code: ChildCode,
  { heapMegabytes, tiers }: Pick<ChildOptions, "heapMegabytes" | "tiers">,
): Spawned {
  return launchNode(walls, code, ({ directory, entry }) => [
    "--permission",
    `--allow-fs-read=${directory}`,
    "--disallow-code-generation-from-strings",
    "--disable-sigusr1",
    "--no-warnings",
    `--max-old-space-size=${heapMegabytes}`,
    `--stack-size=${walls.stackKilobytes}`,
    // For `MemoryPool`, which alone knows when there is much to collect.
    "--expose-gc",
    ...(tiers === "both" ? WASM_FLAGS : ["--liftoff-only"]),
    entry,
  ]);
}

let nodeFd: number | undefined;
let ownInherited: readonly number[] | undefined;

/** Starts `node` behind the walls of the operating system. The words for it depend on where it sees its code. */
export function launchNode(walls: Walls, code: ChildCode, wordsFor: (seen: SeenCode) => readonly string[]): Spawned {
  const uid = walls.freshUid();
  const { prefix, node, seen } = walls.launch(code, uid);
  const [program, ...args] = [...prefix, node, ...wordsFor(seen)];
  const stdio: (StdioNull | StdioPipe | number)[] = ["pipe", "pipe", "pipe"];
  // What whoever started the host left open would pass through it to the child; libuv closes the first few only.
  ownInherited ??= inheritedDescriptors();
  for (const fd of ownInherited) stdio[fd] = nullFd();
  if (node === NODE_BY_DESCRIPTOR) stdio[3] = nodeFd ??= openSync(process.execPath, "r");
  const child = spawn(program ?? node, args, {
    stdio: Array.from(stdio, (given) => given ?? "ignore"),
    env: {},
    cwd: "/",
    detached: true,
  });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("the pipes are missing");
  return { process: child, stdin, stdout, stderr, strayUid: walls.endTogether ? undefined : uid };
}

let openedNull: number | undefined;

function nullFd(): number {
  return (openedNull ??= openSync("/dev/null", "r"));
}

const CLOSED_ON_EXEC = 0o2_000_000;

/** Descriptors that this process was started with and that its children would get; those that Node opens close by themselves. */
function inheritedDescriptors(): readonly number[] {
  try {
    return readdirSync("/proc/self/fd")
      .map(Number)
      .filter((fd) => fd > 2 && !closesOnExec(fd));
  } catch {
    return [];
  }
}

function closesOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) !== 0;
  } catch {
    // The one by which the list was read.
    return true;
  }
}
