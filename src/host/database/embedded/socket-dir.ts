import { createHash } from "node:crypto";
import { chownSync, lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { TaskerError } from "../../../core/errors/index.ts";
import type { Cluster } from "./cluster.ts";
import type { ServerIdentity } from "./server-identity.ts";

/** Part of the socket's name only: the folder is private, so there is no port to collide with. */
export const SERVER_PORT = 5432;

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, a zero byte included. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * The folder of the server's socket, mode 0700: who may enter it may be anybody in the database, as local connections are
 * trusted. Beside the cluster where the path is short enough for a socket, else a short one in `/tmp`.
 */
export function makeSocketDir({ dir, identity }: Pick<Cluster, "dir" | "identity">): string {
  const beside = join(dirname(dir), "socket");
  const folder = fits(beside) ? beside : join("/tmp", `tasker-host-${shortHash(dir)}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (identity.kind === "user" && process.geteuid?.() === 0) chownToServer(folder, identity.uid, identity.gid);
  refuseUnsafe(folder, identity);
  return folder;
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${SERVER_PORT}.lock`)) <= MAX_SOCKET_PATH_BYTES;
}

function shortHash(dir: string): string {
  return createHash("sha256").update(dir).digest("hex").slice(0, 16);
}

/** Only what is root's becomes the server's: somebody else's folder of this name in /tmp stays theirs, and is refused. */
function chownToServer(folder: string, uid: number, gid: number): void {
  const found = lstatSync(folder);
  if (found.isDirectory() && found.uid === 0) chownSync(folder, uid, gid);
}

function refuseUnsafe(folder: string, identity: ServerIdentity): void {
  const found = lstatSync(folder);
  const owner = identity.kind === "user" ? identity.uid : process.geteuid?.();
  if (found.isDirectory() && found.uid === owner && (found.mode & 0o077) === 0) return;
  throw new TaskerError("TSK_DATABASE_EMBEDDED_DIR_UNUSABLE", {
    attempted: `Cannot use "${folder}" for the socket of the embedded Postgres`,
    found: `owner ${found.uid}, mode ${(found.mode & 0o777).toString(8)}`,
    accepted: `a folder of user ${owner} that is closed to others (mode 700)`,
  });
}
