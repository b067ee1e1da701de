import type { Clock } from "../../core/clock.ts";
import { type ErrorCode, TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { Database } from "../database/connection.ts";
import { findToken, noteTokenUse, type StoredToken } from "../database/tokens.ts";
import type { Principal } from "../domain/principal.ts";
import { parseApiToken, sameHash } from "./api-token.ts";
import { ATTEMPTED, type Verifier } from "./authenticator.ts";

/**
 * How long an answer of the database is believed, in milliseconds. A token that is revoked or expires stops within this time
 * on every host; without it each request would be a round trip more.
 */
const BELIEVED_MS = 1_000;

/** Tokens believed at once; the oldest goes. More callers than this within a second ask the database again. */
const MOST_BELIEVED = 1_000;

interface Deps {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Recognises API tokens by the database. Only whole tokens are looked up, and only good ones are remembered. */
export function apiTokenVerifier({ database, clock, logger }: Deps): Verifier {
  const believed = new Map<string, { readonly token: StoredToken; readonly untilMs: number }>();

  const lookUp = async (handle: string, secretHash: Buffer): Promise<StoredToken> => {
    const known = believed.get(handle);
    if (known !== undefined && clock.monotonicMs() < known.untilMs && sameHash(known.token.secretHash, secretHash)) {
      return known.token;
    }
    const askedMs = clock.monotonicMs();
    const token = await findToken(database, handle);
    if (token === undefined || !sameHash(token.secretHash, secretHash)) {
      throw refusal("TSK_AUTH_INVALID", "an API token that this database does not know");
    }
    // Their holder had the secret: what became of the token is no news to strangers.
    if (token.revoked) throw refusal("TSK_AUTH_REVOKED", `API token "${token.name}" was revoked`);
    if (token.expired) throw refusal("TSK_AUTH_EXPIRED", `API token "${token.name}" has expired`);
    believed.delete(handle);
    const [oldest] = believed.keys();
    if (believed.size >= MOST_BELIEVED && oldest !== undefined) believed.delete(oldest);
    believed.set(handle, { token, untilMs: askedMs + BELIEVED_MS });
    if (token.unnoted) await noteUse(handle);
    return token;
  };

  /** A note that is lost is no reason to turn the caller away. */
  const noteUse = (handle: string): Promise<void> =>
    noteTokenUse(database, handle).catch((error: unknown) =>
      logger.warn({ err: error, handle }, "token use not noted"),
    );

  return async (credentials, origin): Promise<Principal> => {
    const parsed = parseApiToken(credentials);
    if (parsed === undefined) throw refusal("TSK_AUTH_INVALID", "an API token that is damaged or incomplete");
    const { handle, secretHash } = parsed;
    const { name, permissions, namespaces } = await lookUp(handle, secretHash);
    return { actor: { kind: "token", name, origin, handle }, permissions: new Set(permissions), namespaces };
  };
}

function refusal(code: ErrorCode, found: string): TaskerError {
  return new TaskerError(code, { attempted: ATTEMPTED, found });
}
