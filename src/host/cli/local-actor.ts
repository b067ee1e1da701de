import { hostname, userInfo } from "node:os";
import type { Actor } from "../domain/actor.ts";

/** Who works on the database directly, as the audit names it: the operating system's user. */
export function localActor(): Actor {
  const name = userName();
  return { kind: "local", name, origin: `cli:${name}@${hostname()}` };
}

/** A user without a name in the user database (a container's) works, too. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
