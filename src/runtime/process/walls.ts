/**
 * What the operating system lets us put around a child process, found out once by trying.
 * A wall that this machine cannot raise is left out and said so: `wallsInForce()` is what `doctor` and `/status` show.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { promisify } from "node:util";

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
  "low-priority",
  "dies-with-host",
  "resident-memory",
  "compile-time",
] as const;
export type WallName = (typeof WALL_NAMES)[number];

/** What a child's command line begins with, and the walls that this raises. */
export interface Walls {
  readonly walls: readonly Wall[];
  /** The words before `node`; `uid` is undefined where children keep the host's. */
  prefix(uid: number | undefined): readonly string[];
  /** A uid that no other child of this host has, and hardly one of another host; undefined where the host cannot give one. */
  freshUid(): number | undefined;
  /** Kilobytes of stack that V8 may use: deterministic call depth needs more than its default. */
  readonly stackKilobytes: number;
}

const run = promisify(execFile);
const DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
const NAMESPACES = ["--net", "--pid", "--fork", "--mount", "--ipc", "--uts"];
const LIMITS = ["--nofile=256", "--core=0", "--stack=67108864"];
/** Threads count as processes: V8 starts about a dozen. Counted per uid, so only where each child has its own. */
const PROCESS_LIMIT = "--nproc=64";
const GENEROUS_STACK_KILOBYTES = 16_384;
/** Below the 8 MiB that a main thread usually has. */
const USUAL_STACK_KILOBYTES = 6_000;

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

async function probe(): Promise<Walls> {
  const isRoot = process.getuid?.() === 0;
  const [setpriv, unshare, prlimit, nice] = ["setpriv", "unshare", "prlimit", "nice"].map(commandPath);
  const uids = isRoot && setpriv !== undefined ? uidRange() : undefined;
  const testUid = uids === undefined ? undefined : pick(uids);

  const deathSignal = await tried(setpriv, "--pdeathsig", "KILL");
  const niceness = await tried(nice, "-n", "10");
  const limits = await tried(prlimit, ...LIMITS);
  const processLimit = testUid !== undefined && limits.works;
  const ownUid = testUid === undefined ? NOT_TRIED : await tried(setpriv, ...asUid(testUid));
  const noNewPrivileges = ownUid.works ? ownUid : await tried(setpriv, "--no-new-privs");
  const rootNamespaces = isRoot ? await tried(unshare, ...NAMESPACES) : NOT_TRIED;
  const userNamespaces = rootNamespaces.works
    ? NOT_TRIED
    : await tried(unshare, "--user", "--map-current-user", ...NAMESPACES);
  const namespaces = rootNamespaces.works ? rootNamespaces : userNamespaces;

  let given = uids === undefined ? 0 : pick(uids) - uids.from;

  const walls: Wall[] = [
    { name: "node-permissions", inForce: true, reason: "reads its own code only; no child processes, workers, addons" },
    { name: "no-code-generation", inForce: true, reason: "--disallow-code-generation-from-strings" },
    { name: "empty-environment", inForce: true, reason: "started without variables and with three pipes" },
    wall("own-uid", ownUid.works, "a number of its own for each process", missingUid(isRoot, setpriv, ownUid)),
    wall("no-new-privileges", noNewPrivileges.works, "setpriv --no-new-privs", noNewPrivileges.why),
    wall("resource-limits", limits.works, "files, core dumps, stack; processes where the uid is its own", limits.why),
    wall("namespaces", namespaces.works, "network, processes, mounts, IPC, host name", namespaces.why),
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
    stackKilobytes: limits.works ? GENEROUS_STACK_KILOBYTES : USUAL_STACK_KILOBYTES,
    prefix: (uid) => [
      ...words(niceness),
      ...words(deathSignal),
      ...words(namespaces),
      ...words(limits),
      ...(processLimit && uid !== undefined ? [PROCESS_LIMIT] : []),
      ...(uid === undefined || setpriv === undefined ? words(noNewPrivileges) : [setpriv, ...asUid(uid)]),
      // Again, for the process itself: what came before it lives outside its namespaces, and a change of uid forgets it.
      ...words(deathSignal),
    ],
  };
}

function wall(name: WallName, inForce: boolean, how: string, why: string): Wall {
  return { name, inForce, reason: inForce ? how : why };
}

interface Tried {
  readonly works: boolean;
  readonly words: readonly string[];
  readonly why: string;
}

const NOT_TRIED: Tried = { works: false, words: [], why: "needs root" };

/** Runs `true` behind the words. `program` is undefined where it is not installed. */
async function tried(program: string | undefined, ...args: readonly string[]): Promise<Tried> {
  const target = commandPath("true");
  if (program === undefined || target === undefined) return { works: false, words: [], why: "the command is missing" };
  try {
    await run(program, [...args, target], { timeout: 5_000, env: {} });
    return { works: true, words: [program, ...args], why: "" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { works: false, words: [], why: reason.trim().split("\n").at(-1) ?? "refused" };
  }
}

function words({ words: found }: Tried): readonly string[] {
  return found;
}

function asUid(uid: number): string[] {
  return [
    `--reuid=${uid}`,
    `--regid=${uid}`,
    "--clear-groups",
    "--no-new-privs",
    "--bounding-set=-all",
    "--inh-caps=-all",
  ];
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

function commandPath(name: string): string | undefined {
  return DIRECTORIES.map((directory) => `${directory}/${name}`).find((path) => executable(path));
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
