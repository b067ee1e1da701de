import type { Database } from "../../../src/host/database/connection.ts";
import { createToken, type NewTokenRow, revokeToken } from "../../../src/host/database/tokens.ts";
import type { Actor } from "../../../src/host/domain/actor.ts";
import { newApiToken } from "../../../src/host/identity/api-token.ts";

export const OPERATOR: Actor = { kind: "local", name: "operator", origin: "cli:operator@here" };

/** Makes a token as `tasker-host token create` does; returns what its holder sends. */
export async function tokenFor(
  database: Database,
  row: Partial<Omit<NewTokenRow, "handle" | "secretHash">> & Pick<NewTokenRow, "name">,
): Promise<string> {
  const { text, handle, secretHash } = newApiToken();
  const rest = { permissions: ["*"], namespaces: "*", lifetimeSeconds: 3_600, ...row } as const;
  if (!(await createToken(database, OPERATOR, { handle, secretHash, ...rest }))) {
    throw new Error(`there is a token "${row.name}" already`);
  }
  return text;
}

/** A token that was good once. */
export async function revokedToken(database: Database, name: string): Promise<string> {
  const token = await tokenFor(database, { name });
  await revokeToken(database, OPERATOR, name);
  return token;
}

/** A token whose time is over. */
export async function expiredToken(database: Database, name: string): Promise<string> {
  const token = await tokenFor(database, { name });
  await database.query(
    "test_age_token",
    `update tasker_host.api_tokens set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours'
      where name = $1`,
    [name],
  );
  return token;
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
