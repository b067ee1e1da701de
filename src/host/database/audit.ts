import type { ActorKind } from "../domain/actor.ts";
import type { NamespaceScope } from "../domain/principal.ts";
import type { Database } from "./connection.ts";

/** One change. Timestamps are RFC 3339 in UTC. */
export interface AuditEntry {
  readonly entry_id: number;
  readonly recorded_at: string;
  readonly action: string;
  /** Null: it concerns no single namespace. */
  readonly namespace: string | null;
  readonly actor_kind: ActorKind;
  readonly actor_name: string;
  readonly actor_origin: string;
  /** Of a token; null for others, and in entries from before it was noted. */
  readonly actor_handle: string | null;
  /** A JSON object, as text. */
  readonly subject: string;
}

/** Which changes; a filter that is undefined lets all through. */
export interface AuditFilter {
  /** What the reader may see. Entries without a namespace are for those who may see all. */
  readonly scope: NamespaceScope;
  readonly namespace?: string | undefined;
  readonly action?: string | undefined;
  /** The name of who did it, or the handle of a token. */
  readonly actor?: string | undefined;
  /** Entries older than this one. */
  readonly before?: number | undefined;
  readonly limit: number;
}

const LIST = `
  select entry_id, to_char(recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded_at, action, namespace,
         actor_kind, actor_name, actor_origin, actor_handle, subject::text as subject
    from tasker_host.audit_entries
   where ($1::text[] is null or namespace = any ($1))
     and ($2::text is null or namespace = $2)
     and ($3::text is null or action = $3)
     and ($4::text is null or actor_name = $4 or actor_handle = $4)
     and ($5::bigint is null or entry_id < $5)
   order by entry_id desc
   limit $6`;

/** Changes, newest first. */
export function listAudit(database: Database, filter: AuditFilter): Promise<readonly AuditEntry[]> {
  const { scope, namespace = null, action = null, actor = null, before = null, limit } = filter;
  return database.query<AuditEntry>("list_audit", LIST, [
    scope === "*" ? null : scope,
    namespace,
    action,
    actor,
    before,
    limit,
  ]);
}
