import type { Actor } from "./actor.ts";
import { covers, type Permission } from "./permissions.ts";

/** A caller that was recognised: who it is, and what it may do where. */
export interface Principal {
  readonly actor: Actor;
  /** Permissions and wildcards, as granted; words that nobody knows cover nothing. */
  readonly permissions: ReadonlySet<string>;
  readonly namespaces: NamespaceScope;
}

/** The namespaces that a caller may see and act in: all, or these. */
export type NamespaceScope = "*" | readonly string[];

/** True where the caller has the permission, in whatever namespaces. */
export function isPermitted({ permissions }: Principal, permission: Permission): boolean {
  return covers(permissions, permission);
}

/** True where the caller may see the namespace. What it may not see it is told nothing of, not even that it exists. */
export function mayEnter({ namespaces }: Principal, namespace: string): boolean {
  return namespaces === "*" || namespaces.includes(namespace);
}
