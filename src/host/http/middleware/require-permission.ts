import type { MiddlewareHandler } from "hono";
import { TaskerError } from "../../../core/errors/index.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../../domain/names.ts";
import type { Permission } from "../../domain/permissions.ts";
import { isPermitted, mayEnter, type Principal } from "../../domain/principal.ts";
import type { AppEnv } from "../deps.ts";

/**
 * Lets callers through that have the permission and, where the path names a namespace, may enter it. Runs before anything
 * reads the body. Leaves the caller as `principal` for the route.
 */
export function requirePermission(permission: Permission): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const principal = await c.get("authenticate")();
    c.set("principal", principal);
    const attempted = `Cannot answer ${c.req.method} ${c.req.path.slice(0, 200)}`;
    requirePermissionOf(principal, permission, attempted);
    const namespace = c.req.param("namespace");
    if (namespace !== undefined) requireNamespace(principal, namespace, attempted);
    await next();
  };
}

/** For a permission that a request needs besides that of its route. @throws TSK_AUTH_PERMISSION_MISSING */
export function requirePermissionOf(principal: Principal, permission: Permission, attempted: string): void {
  if (isPermitted(principal, permission)) return;
  throw new TaskerError("TSK_AUTH_PERMISSION_MISSING", {
    attempted,
    found: `${nameOf(principal)} lacks the permission "${permission}"`,
    details: { permission },
  });
}

/**
 * For namespaces that come in a path, a query or a body. Says the same of a namespace that exists and of one that does not.
 *
 * @throws TSK_REQUEST_INVALID where it is no namespace's name, TSK_AUTH_NAMESPACE_FORBIDDEN
 */
export function requireNamespace(principal: Principal, namespace: string, attempted: string): void {
  if (!NAMESPACE_PATTERN.test(namespace)) {
    const found = `namespace ${JSON.stringify(namespace.slice(0, 80))}`;
    throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: NAMESPACE_RULE });
  }
  if (mayEnter(principal, namespace)) return;
  throw new TaskerError("TSK_AUTH_NAMESPACE_FORBIDDEN", {
    attempted,
    found: `${nameOf(principal)} may not enter namespace "${namespace}"`,
  });
}

/** For what shows or counts all namespaces at once. @throws TSK_AUTH_NAMESPACE_FORBIDDEN */
export function requireAllNamespaces(principal: Principal, attempted: string): void {
  if (principal.namespaces === "*") return;
  throw new TaskerError("TSK_AUTH_NAMESPACE_FORBIDDEN", {
    attempted,
    found: `${nameOf(principal)} may not enter all namespaces`,
    accepted: "a token for all namespaces",
  });
}

function nameOf({ actor }: Principal): string {
  return actor.kind === "anonymous" ? "an anonymous caller" : `${actor.kind} "${actor.name}"`;
}
