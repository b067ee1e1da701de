import type { Actor } from "../domain/actor.ts";
import type { NamespaceScope } from "../domain/principal.ts";
import type { Database } from "./connection.ts";

/** A token to be kept; times are the database's. */
export interface NewTokenRow {
  readonly handle: string;
  readonly name: string;
  /** SHA-256 of the token. */
  readonly secretHash: Buffer;
  readonly permissions: readonly string[];
  readonly namespaces: NamespaceScope;
  readonly lifetimeSeconds: number;
}

/** A token as it is looked up when a caller brings it. */
export interface StoredToken {
  readonly name: string;
  readonly secretHash: Buffer;
  readonly permissions: readonly string[];
  readonly namespaces: NamespaceScope;
  readonly expired: boolean;
  readonly revoked: boolean;
  /** Its last use is not noted, or was a minute ago. */
  readonly unnoted: boolean;
}

/** A token as lists show it. Timestamps are RFC 3339 in UTC. */
export interface ListedToken {
  readonly handle: string;
  readonly name: string;
  readonly state: "live" | "expired" | "revoked";
  readonly permissions: readonly string[];
  /** Null: all. */
  readonly namespaces: readonly string[] | null;
  readonly created_at: string;
  readonly expires_at: string;
  /** To the minute. */
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

const CREATE = "select tasker_host.create_token($1, $2, $3, $4, $5, $6, $7) as created";
const REVOKE = "select * from tasker_host.revoke_token($1, $2)";
const FIND = `
  select name, secret_hash, permissions, namespaces, expires_at <= now as expired, revoked_at is not null as revoked,
         last_used_at is null or last_used_at < now - interval '1 minute' as unnoted
    from tasker_host.api_tokens, tasker_host.current_time() now
   where handle = $1`;
/** Guarded again: of many hosts that see the token at once one writes. */
const NOTE_USE = `
  update tasker_host.api_tokens set last_used_at = tasker_host.current_time()
   where handle = $1
     and (last_used_at is null or last_used_at < tasker_host.current_time() - interval '1 minute')`;
const RFC3339 = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;
const LIST = `
  select handle, name,
         case when revoked_at is not null then 'revoked' when expires_at <= now then 'expired' else 'live' end as state,
         permissions, namespaces, to_char(created_at, ${RFC3339}) as created_at,
         to_char(expires_at, ${RFC3339}) as expires_at, to_char(last_used_at, ${RFC3339}) as last_used_at,
         to_char(revoked_at, ${RFC3339}) as revoked_at
    from tasker_host.api_tokens, tasker_host.current_time() now
   order by api_tokens.created_at, handle`;

/** False where a live token has the name already. */
export async function createToken(database: Database, actor: Actor, token: NewTokenRow): Promise<boolean> {
  const namespaces = token.namespaces === "*" ? null : token.namespaces;
  const [row] = await database.query<{ readonly created: boolean }>("create_token", CREATE, [
    JSON.stringify(actor),
    token.handle,
    token.name,
    token.secretHash,
    token.permissions,
    namespaces,
    token.lifetimeSeconds,
  ]);
  return row?.created === true;
}

/** Revokes the live token of this handle or name; undefined where there is none. */
export async function revokeToken(
  database: Database,
  actor: Actor,
  token: string,
): Promise<{ readonly handle: string; readonly name: string } | undefined> {
  const values = [JSON.stringify(actor), token];
  const [row] = await database.query<{ readonly handle: string; readonly name: string }>(
    "revoke_token",
    REVOKE,
    values,
  );
  return row;
}

/** Every token that there ever was, oldest first. */
export function listTokens(database: Database): Promise<readonly ListedToken[]> {
  return database.query<ListedToken>("list_tokens", LIST);
}

/** The token of a handle, whatever its state. */
export async function findToken(database: Database, handle: string): Promise<StoredToken | undefined> {
  const [row] = await database.query<{
    readonly name: string;
    readonly secret_hash: Buffer;
    readonly permissions: readonly string[];
    readonly namespaces: readonly string[] | null;
    readonly expired: boolean;
    readonly revoked: boolean;
    readonly unnoted: boolean;
  }>("find_token", FIND, [handle]);
  if (row === undefined) return undefined;
  const { secret_hash: secretHash, namespaces, ...rest } = row;
  return { ...rest, secretHash, namespaces: namespaces ?? "*" };
}

/** Notes that the token was used, at most once a minute. */
export async function noteTokenUse(database: Database, handle: string): Promise<void> {
  await database.query("note_token_use", NOTE_USE, [handle]);
}
