import { TaskerError } from "../../core/errors/index.ts";
import type { Principal } from "../domain/principal.ts";
import { looksLikeApiToken } from "./api-token.ts";

/** Recognises callers by what they bring. */
export interface Authenticator {
  /**
   * @param credentials what came as `Authorization: Bearer` or `X-API-Key`; undefined: nothing.
   * @param origin where it came from, for the audit.
   * @throws TSK_AUTH_REQUIRED, TSK_AUTH_INVALID, TSK_AUTH_EXPIRED, TSK_AUTH_REVOKED; TSK_DATABASE_UNREACHABLE and
   * TSK_AUTH_KEYS_UNAVAILABLE where nobody can tell: that says nothing of the caller.
   */
  authenticate(credentials: string | undefined, origin: string): Promise<Principal>;
}

/** One kind of credentials. */
export type Verifier = (credentials: string, origin: string) => Promise<Principal>;

export interface Verifiers {
  readonly apiToken: Verifier;
  /** Undefined: no JWTs here. */
  readonly jwt: Verifier | undefined;
}

export const ATTEMPTED = "Cannot recognise the caller";

/** Asks everybody for credentials. */
export function requiredAuthentication({ apiToken, jwt }: Verifiers): Authenticator {
  return {
    async authenticate(credentials, origin) {
      if (credentials === undefined) {
        throw new TaskerError("TSK_AUTH_REQUIRED", {
          attempted: ATTEMPTED,
          found: "no credentials",
          accepted: jwt === undefined ? "an API token" : "an API token or a JWT",
        });
      }
      if (looksLikeApiToken(credentials)) return apiToken(credentials, origin);
      if (jwt !== undefined) return jwt(credentials, origin);
      throw new TaskerError("TSK_AUTH_INVALID", {
        attempted: ATTEMPTED,
        found: "credentials of an unknown kind",
        accepted: "an API token",
      });
    },
  };
}

/** Lets everybody do everything; for a developer's own machine. Credentials are not looked at. */
export const NO_AUTHENTICATION: Authenticator = {
  authenticate: (_, origin) =>
    Promise.resolve({
      actor: { kind: "anonymous", name: "anonymous", origin },
      permissions: new Set(["*"]),
      namespaces: "*",
    }),
};
