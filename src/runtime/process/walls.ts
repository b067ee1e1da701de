/**
 * What the operating system lets us put around a child process, found out once by trying.
 * A wall that this machine cannot raise is left out and said so: `wallsInForce()` is what `doctor` and `/status` show.
 */
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type ChildCode, HOME_PREFIX } from "./code-snapshot.ts";
import { commandPath, NOT_TRIED, readable, type Tried, tried, whyNot } from "./commands.ts";
import { GENEROUS_STACK_KILOBYTES, refuseSmallStack, stackKilobytesWithin } from "./stack.ts";
import { enterPrivateRoot, INSIDE, layPrivateRoot, type PrivateRoot } from "./private-root.ts";

/** One thing that a child process cannot do. */
export interface Wall {
  readonly name: WallName;
  readonly inForce: boolean;
  /** What it is made of, or why it is missing. */
  readonly reason: string;
}

export const WALL_NAMES = [
  "node-permissions",
  "no-code-generation",
  "empty-environment",
  "own-uid",
  "no-new-privileges",
  "resource-limits",
  "namespaces",
  "own-root",
  "low-priority",
  "dies-with-host",
  "resident-memory",
  "compile-time",
] as const;
export type WallName = (typeof WALL_NAMES)[number];

/** The walls, and how a child is started behind them. */
export interface Walls {
  readonly walls: readonly Wall[];
  /** How a child with this uid is started; it is undefined where children keep the host's. */
  launch(code: ChildCode, uid: number | undefined): Launch;
  /** A uid that no other child of this host has, and hardly one of another host; undefined where the host cannot give one. */
  freshUid(): number | undefined;
  /** Kilobytes of stack that V8 may use: deterministic call depth needs more than its default. */
  readonly stackKilobytes: number;
  /** Native code in a child could change the code of the children to come. */
  readonly codeIsInReach: boolean;
  /** Whatever a child started ends when the child does. */
  readonly endTogether: boolean;
}

export interface Launch {
  /** The words before `node`. */
  readonly prefix: readonly string[];
  readonly node: string;
  readonly seen: SeenCode;
}

/** Where the child itself sees its code. */
export interface SeenCode {
  readonly directory: string;
  readonly entry: string;
}

/**
 * The running `node` as a descriptor of the child, behind its three pipes. By path a child of another uid could not
 * reach it where a directory on the way lets only the host enter.
 */
export const NODE_BY_DESCRIPTOR = "/proc/self/fd/3";

const NAMESPACES = ["--net", "--pid", "--fork", "--kill-child=SIGKILL", "--mount", "--ipc", "--uts"];
const LIMITS = ["--nofile=256", "--core=0", "--stack=67108864"];
/** Threads count as processes: V8 starts about a dozen. Counted per uid, so only where each child has its own. */
const PROCESS_LIMIT = "--nproc=64";
const NO_PRIVILEGES = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];

let probed: Promise<Walls> | undefined;

/** The walls of this machine. Tried on first use, the same for the life of the process. */
export function probeWalls(): Promise<Walls> {
  probed ??= probe();
  return probed;
}

/** Every wall by name, in force or not and why. */
export async function wallsInForce(): Promise<readonly Wall[]> {
  return (await probeWalls()).walls;
}

/** @throws TSK_SANDBOX_STACK_TOO_SMALL where V8's stack in a child would end before a call depth of this limit does. */
export async function requireCallDepth(callDepth: number): Promise<void> {
  refuseSmallStack((await probeWalls()).stackKilobytes, callDepth);
}

async function probe(): Promise<Walls> {
  const isRoot = process.getuid?.() === 0;
  const [setpriv, unshare, prlimit, nice] = ["setpriv", "unshare", "prlimit", "nice"].map(commandPath);
  const uids = isRoot && setpriv !== undefined ? uidRange() : undefined;
  const testUid = uids === undefined ? undefined : pick(uids);

  const deathSignal = await tried(setpriv, "--pdeathsig", "KILL");
  const niceness = await tried(nice, "-n", "10");
  const limits = await tried(prlimit, ...LIMITS);
  const ownUid = testUid === undefined ? NOT_TRIED : await tried(setpriv, ...asUid(testUid));
  const noNewPrivileges = ownUid.works ? ownUid : await tried(setpriv, "--no-new-privs");
  const rootNamespaces = isRoot ? await tried(unshare, ...NAMESPACES) : NOT_TRIED;
  // A uid of its own is worth more than namespaces with one user in them, and the two do not go together.
  const inUserNamespace = !rootNamespaces.works && !ownUid.works;
  const namespaces = inUserNamespace
    ? await tried(unshare, "--user", "--map-current-user", ...NAMESPACES)
    : rootNamespaces;
  // Root of nothing but these namespaces: it mounts what the child sees, and lets go of it before the child begins.
  const mounting = namespaces.words.map((word) => (word === "--map-current-user" ? "--map-root-user" : word));

  const before = (unshared: readonly string[], uid: number | undefined): readonly string[] => [
    ...niceness.words,
    ...deathSignal.words,
    ...unshared,
    ...limits.words,
    ...(limits.works && uid !== undefined ? [PROCESS_LIMIT] : []),
  ];
  // The signal again, for the process itself: what came before it lives outside its namespaces, and a change of uid forgets it.
  const outside = (uid: number | undefined): readonly string[] => [
    ...before(namespaces.words, uid),
    ...(uid === undefined || setpriv === undefined ? noNewPrivileges.words : [setpriv, ...asUid(uid)]),
    ...deathSignal.words,
  ];
  const inside = (root: PrivateRoot, uid: number | undefined): readonly string[] | undefined => {
    const enter = enterPrivateRoot(root, inUserNamespace);
    if (enter === undefined) return undefined;
    const letGo = uid === undefined ? NO_PRIVILEGES : asUid(uid);
    return [...before(mounting, uid), ...enter, INSIDE.setpriv, ...letGo, INSIDE.setpriv, "--pdeathsig", "KILL"];
  };
  const noRoot = namespaces.works
    ? await whyNoRoot((root) => inside(root, ownUid.works ? testUid : undefined))
    : "it needs namespaces";

  let given = uids === undefined ? 0 : pick(uids) - uids.from;

  const walls: Wall[] = [
    { name: "node-permissions", inForce: true, reason: "reads its own code only; no child processes, workers, addons" },
    { name: "no-code-generation", inForce: true, reason: "--disallow-code-generation-from-strings" },
    { name: "empty-environment", inForce: true, reason: "started without variables and with three pipes" },
    wall("own-uid", ownUid.works, "a number of its own for each process", missingUid(isRoot, setpriv, ownUid)),
    wall("no-new-privileges", noNewPrivileges.works, "setpriv --no-new-privs", noNewPrivileges.why),
    wall("resource-limits", limits.works, "files, core dumps, stack; processes where the uid is its own", limits.why),
    wall("namespaces", namespaces.works, "network, processes, mounts, IPC, host name", namespaces.why),
    wall("own-root", noRoot === undefined, "its code, node and their libraries, read-only; no /proc", noRoot ?? ""),
    wall("low-priority", niceness.works, "nice 10", niceness.why),
    wall("dies-with-host", deathSignal.works, "a signal when the host is gone", deathSignal.why),
    wall("resident-memory", readable("/proc/self/statm"), "watched through /proc", "there is no /proc"),
    wall(
      "compile-time",
      readable("/proc/self/task"),
      "CPU of V8's threads, watched through /proc",
      "there is no /proc",
    ),
  ];

  return {
    walls,
    freshUid: () => {
      if (uids === undefined || !ownUid.works) return undefined;
      given = (given + 1) % (uids.to - uids.from);
      return uids.from + given;
    },
    stackKilobytes: limits.works ? GENEROUS_STACK_KILOBYTES : stackKilobytesWithin(ownLimits()),
    codeIsInReach: noRoot !== undefined && !ownUid.works,
    endTogether: namespaces.works,
    launch: ({ root, directory, entry }, uid) => {
      const prefix = root === undefined || noRoot !== undefined ? undefined : inside(root, uid);
      if (prefix !== undefined) {
        return {
          prefix,
          node: INSIDE.node,
          seen: { directory: INSIDE.code, entry: join(INSIDE.code, relative(directory, entry)) },
        };
      }
      // Elsewhere there are no walls with words of their own, and no descriptors by name.
      const node = process.platform === "linux" ? NODE_BY_DESCRIPTOR : process.execPath;
      return { prefix: outside(uid), node, seen: { directory, entry } };
    },
  };
}

/** Why a child cannot have a root of its own; undefined where `node` starts in one. */
async function whyNoRoot(prefix: (root: PrivateRoot) => readonly string[] | undefined): Promise<string | undefined> {
  const home = await mkdtemp(join(tmpdir(), `${HOME_PREFIX}${process.pid}-`));
  try {
    await chmod(home, 0o755);
    const code = join(home, "code");
    await mkdir(code);
    const root = await layPrivateRoot(home, code);
    const words = root === undefined ? undefined : prefix(root);
    return words === undefined ? "a command is missing" : await whyNot([...words, INSIDE.node, "--version"]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function ownLimits(): string | undefined {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return undefined;
  }
}

function wall(name: WallName, inForce: boolean, how: string, why: string): Wall {
  return { name, inForce, reason: inForce ? how : why };
}

function asUid(uid: number): string[] {
  return [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...NO_PRIVILEGES];
}

function missingUid(isRoot: boolean, setpriv: string | undefined, { why }: Tried): string {
  if (!isRoot) return "the host is not root";
  return setpriv === undefined ? "setpriv is not installed" : why;
}

interface UidRange {
  readonly from: number;
  readonly to: number;
}

/** Numbers far from those of accounts. In a container with a small range: its upper end. */
function uidRange(): UidRange | undefined {
  try {
    const sizes = readFileSync("/proc/self/uid_map", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number))
      .map(([start = 0, , size = 0]) => start + size);
    const end = Math.max(0, ...sizes);
    if (end > 2_000_000_000) return { from: 1_200_000_000, to: 1_900_000_000 };
    return end >= 65_536 ? { from: 61_000, to: 65_000 } : undefined;
  } catch {
    return undefined;
  }
}

function pick({ from, to }: UidRange): number {
  return from + Math.floor(Math.random() * (to - from));
}
