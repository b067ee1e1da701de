import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { chown, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TaskerError } from "../../../core/errors/index.ts";
import { copyBinaries, type PostgresBinaries } from "./binaries.ts";
import { runCommand } from "./run-command.ts";
import {
  canUseNamespace,
  commandAs,
  describeIdentity,
  isOpenToOthers,
  nobody,
  type ServerIdentity,
} from "./server-identity.ts";

/** The superuser that initdb makes; the host itself works as `tasker`. */
export const SUPERUSER = "postgres";

/** A database cluster on disk, and how to run a server on it. */
export interface Cluster {
  /** `PGDATA`. */
  readonly dir: string;
  readonly identity: ServerIdentity;
  readonly binaries: PostgresBinaries;
}

export interface ClusterPlace {
  /** The host's data directory. */
  readonly dataDir: string;
  readonly binaries: PostgresBinaries;
  /** Where copies of binaries go, and clusters that cannot lie in `dataDir`. */
  readonly cacheDir: string;
}

/**
 * The cluster of a data directory, made on the first start.
 *
 * @throws TSK_DATABASE_EMBEDDED_DIR_UNUSABLE where it belongs to somebody as whom we cannot run.
 * @throws TSK_DATABASE_EMBEDDED_VERSION where another major version made it.
 * @throws TSK_DATABASE_EMBEDDED_INIT_FAILED where no way to make it worked, with the output of each.
 */
export async function openCluster(place: ClusterPlace, onFirstStart: () => void): Promise<Cluster> {
  const cluster = await findOrCreate(place, onFirstStart);
  // A server is recognised by the folder that it works in, which is told without links.
  return { ...cluster, dir: await realpath(cluster.dir) };
}

async function findOrCreate(place: ClusterPlace, onFirstStart: () => void): Promise<Cluster> {
  for (const dir of clusterDirs(place)) {
    await removeUnfinished(dirname(dir));
    // It gets its name when it is complete.
    const owner = await stat(dir).catch(ifMissing);
    if (owner !== undefined) return existingCluster(place, dir, owner);
  }
  onFirstStart();
  return createCluster(place);
}

/** Where the cluster of a data directory may be, in the order in which it is looked for. */
export function clusterDirs(place: Pick<ClusterPlace, "dataDir" | "cacheDir">): readonly string[] {
  return [join(place.dataDir, "cluster"), relocatedDir(place)];
}

/** The host may be root and the way to `dataDir` closed to the server's user: then the cluster lies here. */
function relocatedDir({ cacheDir, dataDir }: Pick<ClusterPlace, "dataDir" | "cacheDir">): string {
  return join(cacheDir, `data-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`, "cluster");
}

/** Initialisation happens in a folder of its own, so that a start that was cut off leaves no half of a cluster. */
const UNFINISHED = "initializing-";

async function removeUnfinished(holder: string): Promise<void> {
  const names = await readdir(holder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(UNFINISHED)) continue;
    // An initdb whose host was killed may still be writing in it; what cannot go now goes at the next start.
    await rm(join(holder, name), { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  }
}

async function existingCluster(place: ClusterPlace, dir: string, { uid, gid }: Stats): Promise<Cluster> {
  const me = process.geteuid?.() ?? 0;
  if (me === 0 && uid !== 0) {
    await refuseOtherVersion(place, dir);
    return openAsUser(place, dir, { kind: "user", uid, gid });
  }
  const identity: ServerIdentity = me === 0 ? { kind: "namespace" } : { kind: "self" };
  if (uid !== me || (me === 0 && !(await canUseNamespace()))) {
    throw new TaskerError("TSK_DATABASE_EMBEDDED_DIR_UNUSABLE", {
      attempted: `Cannot start the embedded Postgres on "${dir}"`,
      found: `files of user ${uid}, while the host is user ${me}`,
      accepted: me === 0 ? "user namespaces allowed, or files of a user that is not root" : `files of user ${me}`,
    });
  }
  await refuseOtherVersion(place, dir);
  return { dir, identity, binaries: place.binaries };
}

/** The server's user must reach the binaries, which may lie below a folder that is closed to it. */
async function openAsUser(place: ClusterPlace, dir: string, identity: ServerIdentity): Promise<Cluster> {
  const reachable = isOpenToOthers(place.binaries.folder);
  const binaries = reachable ? place.binaries : await copyBinaries(place.binaries.folder, place.cacheDir);
  return { dir, identity, binaries };
}

async function refuseOtherVersion({ binaries }: ClusterPlace, dir: string): Promise<void> {
  const version = (await readFile(join(dir, "PG_VERSION"), "utf8")).trim();
  const { output } = await runCommand({ file: binaries.postgres, args: ["--version"] });
  const ours = /\(PostgreSQL\) (\d+)/.exec(output)?.[1];
  if (ours === undefined || ours === version) return;
  throw new TaskerError("TSK_DATABASE_EMBEDDED_VERSION", {
    attempted: `Cannot start the embedded Postgres on "${dir}"`,
    found: `data of Postgres ${version}`,
    accepted: `data of Postgres ${ours}`,
  });
}

/** One way to make a cluster. */
interface Attempt {
  readonly identity: ServerIdentity;
  readonly dir: string;
  readonly binaries: () => Promise<PostgresBinaries>;
}

async function createCluster(place: ClusterPlace): Promise<Cluster> {
  const failures: string[] = [];
  for (const { identity, dir, binaries } of await attempts(place)) {
    const found = await binaries();
    const failure = await initialize(found, dir, identity);
    if (failure === undefined) return { dir, identity, binaries: found };
    failures.push(`${describeIdentity(identity)}: ${failure}`);
  }
  throw new TaskerError("TSK_DATABASE_EMBEDDED_INIT_FAILED", {
    attempted: `Cannot make the database in "${place.dataDir}"`,
    found: failures.length === 0 ? "no way to run Postgres without being root" : failures.join("; "),
    accepted: "a directory that the host can write, on a file system with room, or DATABASE_URL",
    details: { failures },
  });
}

/**
 * The ways to try, best first. A host that is not root has one, and the namespace for an account without a name (initdb
 * asks for one; containers often run without). A host that is root prefers another user where paths allow it, then the
 * namespace, then another user with copies outside of the closed path.
 */
async function attempts(place: ClusterPlace): Promise<readonly Attempt[]> {
  const dir = join(place.dataDir, "cluster");
  const binaries = (): Promise<PostgresBinaries> => Promise.resolve(place.binaries);
  const namespace: Attempt[] = (await canUseNamespace()) ? [{ identity: { kind: "namespace" }, dir, binaries }] : [];
  if (process.geteuid?.() !== 0) return [{ identity: { kind: "self" }, dir, binaries }, ...namespace];
  const identity = { kind: "user", ...nobody() } as const;
  if (isOpenToOthers(place.dataDir) && isOpenToOthers(place.binaries.folder)) {
    return [{ identity, dir, binaries }, ...namespace];
  }
  const copied = (): Promise<PostgresBinaries> => copyBinaries(place.binaries.folder, place.cacheDir);
  return [...namespace, { identity, dir: relocatedDir(place), binaries: copied }];
}

/** Undefined where it worked, else why not. */
async function initialize(
  { initdb }: PostgresBinaries,
  dir: string,
  identity: ServerIdentity,
): Promise<string | undefined> {
  const holder = dirname(dir);
  await mkdir(holder, { recursive: true });
  const unfinished = await mkdtemp(join(holder, UNFINISHED));
  if (identity.kind === "user") await chown(unfinished, identity.uid, identity.gid);
  const { exitCode, output } = await runCommand(commandAs(identity, initdb, initdbArguments(unfinished)));
  if (exitCode === 0) {
    await rename(unfinished, dir);
    await sync(holder);
    return undefined;
  }
  await rm(unfinished, { recursive: true, force: true });
  return output.trim().split("\n").slice(-5).join(" / ") || `initdb ended with ${exitCode ?? "a signal"}`;
}

/** Without this a power cut could take the cluster's name back after data was committed in it. */
async function sync(folder: string): Promise<void> {
  await using handle = await open(folder);
  await handle.sync();
}

function initdbArguments(dir: string): readonly string[] {
  return [
    `--pgdata=${dir}`,
    `--username=${SUPERUSER}`,
    // Nobody else can reach the socket: its folder is the host's alone.
    "--auth=trust",
    "--encoding=UTF8",
    // The same order of text on every machine, whatever locales it has.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
  ];
}

function ifMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
