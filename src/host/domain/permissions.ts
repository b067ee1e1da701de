import { nearestName } from "./nearest-name.ts";

/**
 * Every permission and what it lets do. The names are Tasker's, so that its tokens work here; `handlers:…` and `audit:read`
 * are ours. A few of Tasker's guard routes that only its orchestrator has: they are accepted and open nothing here.
 */
export const PERMISSIONS = {
  "tasks:create": "Submit tasks",
  "tasks:read": "Read a task",
  "tasks:list": "List tasks",
  "tasks:cancel": "Cancel tasks",
  "tasks:context_read": "See the context of tasks",
  "steps:read": "Read the steps of a task with their results",
  "steps:resolve": "Resolve steps by hand",
  "dlq:read": "Read tasks that got stuck",
  "dlq:update": "Change entries of the dead letter queue",
  "dlq:stats": "Read figures of the dead letter queue",
  "templates:read": "Read task templates",
  "templates:validate": "Validate task templates",
  "system:config_read": "Read the configuration",
  "system:handlers_read": "See what a host runs, and what is wrong with it",
  "system:analytics_read": "Read figures over tasks and steps",
  "worker:config_read": "Read the configuration of a worker",
  "worker:templates_read": "Read the templates that a worker knows",
  "handlers:read": "List and show handlers and their versions",
  "handlers:push": "Upload versions of handlers",
  "handlers:approve": "Change what the handlers of a namespace may import and use",
  "handlers:promote": "Make a version the active one, roll back, deprecate, delete",
  "audit:read": "Read who changed what",
} as const satisfies Record<`${string}:${string}`, string>;

export type Permission = keyof typeof PERMISSIONS;

/** What was granted: a permission, all of one area (`tasks:*`), or everything (`*`). */
export type PermissionGrant = Permission | `${string}:*` | "*";

export const PERMISSION_RULE = 'a permission such as "handlers:push", all of an area such as "handlers:*", or "*"';

const NAMES = Object.keys(PERMISSIONS);
const WILDCARDS = new Set(["*", ...NAMES.map((name) => `${areaOf(name)}:*`)]);

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSIONS, text);
}

/** True for what a token may be created with. */
export function isPermissionGrant(text: string): text is PermissionGrant {
  return isPermission(text) || WILDCARDS.has(text);
}

/** True where one of the grants covers the permission. */
export function covers(grants: ReadonlySet<string>, permission: Permission): boolean {
  return grants.has(permission) || grants.has(`${areaOf(permission)}:*`) || grants.has("*");
}

/** The permission that was probably meant. */
export function nearestPermission(text: string): string | undefined {
  return nearestName(text, NAMES);
}

function areaOf(permission: string): string {
  return permission.slice(0, permission.indexOf(":"));
}
