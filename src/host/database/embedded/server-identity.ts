import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * As whom Postgres runs. It refuses to run as root, so a host that is root hands it to somebody else.
 *
 * - `self`: as the host.
 * - `user`: as another user; the data is theirs. Host and data must be reachable for them.
 * - `namespace`: as the host, which a user namespace calls by another name: Postgres believes that it is not root, while
 *   files stay the host's. Works below folders that are closed to others; needs `unshare` and a kernel that allows it.
 */
export type ServerIdentity =
  | { readonly kind: "self" }
  | { readonly kind: "user"; readonly uid: number; readonly gid: number }
  | { readonly kind: "namespace" };

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/** The user without rights that every Unix has. */
export function nobody(): { readonly uid: number; readonly gid: number } {
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  return { uid: Number(line?.[1] ?? 65_534), gid: Number(line?.[2] ?? 65_534) };
}

/** How to run `file` as `identity`. */
export function commandAs(identity: ServerIdentity, file: string, args: readonly string[]): Command {
  switch (identity.kind) {
    case "self":
      return { file, args };
    case "user":
      return { file, args, uid: identity.uid, gid: identity.gid };
    case "namespace": {
      // A name that /etc/passwd knows: initdb asks for it.
      const { uid, gid } = nobody();
      return { file: "unshare", args: ["--user", `--map-user=${uid}`, `--map-group=${gid}`, "--", file, ...args] };
    }
    default:
      return identity satisfies never;
  }
}

export function describeIdentity(identity: ServerIdentity): string {
  switch (identity.kind) {
    case "self":
      return "as the host's own user";
    case "user":
      return `as user ${identity.uid}`;
    case "namespace":
      return "in a user namespace";
    default:
      return identity satisfies never;
  }
}

/** True where the kernel lets this process make a user namespace with one user in it. */
export function canUseNamespace(): Promise<boolean> {
  if (process.platform !== "linux") return Promise.resolve(false);
  const { file, args } = commandAs({ kind: "namespace" }, "true", []);
  return new Promise((resolve) => {
    execFile(file, [...args], { timeout: 10_000 }, (error) => resolve(error === null));
  });
}

/** True where a user who owns none of the folders may walk down to `path`. */
export function isOpenToOthers(path: string): boolean {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return true;
}
