import type { ErrorEntry } from "./catalogue.ts";

/** Who calls, and whether it may. */
export const ACCESS_ERRORS = {
  TSK_AUTH_REQUIRED: {
    summary: "The request brings no credentials, and this host asks for them",
    fault: "user",
    remedy:
      "Send `Authorization: Bearer …` with an API token or a JWT; for commands set TASKER_TOKEN. `tasker-host token create` makes a token",
    httpStatus: 401,
  },
  TSK_AUTH_INVALID: {
    summary: "The credentials are not those of a caller that this host knows",
    fault: "user",
    remedy:
      "Check that the token is whole and made for this database; for a JWT check issuer, audience, algorithm and key",
    httpStatus: 401,
  },
  TSK_AUTH_EXPIRED: {
    summary: "The credentials were good, and their time is over",
    fault: "user",
    remedy: "Make a new token with `tasker-host token create`, or get a new JWT where this one came from",
    httpStatus: 401,
  },
  TSK_AUTH_REVOKED: {
    summary: "The API token was revoked",
    fault: "user",
    remedy: "Ask the operator for another token",
    httpStatus: 401,
  },
  TSK_AUTH_PERMISSION_MISSING: {
    summary: "The caller is known, and lacks the permission that the route asks for",
    fault: "user",
    remedy: "Use a token with the permission that the error names; docs/access.md lists what each one opens",
    httpStatus: 403,
  },
  TSK_AUTH_NAMESPACE_FORBIDDEN: {
    summary:
      "The caller is known, and may not act in this namespace, whether it exists or not, or in all, where the route shows all",
    fault: "user",
    remedy: "Use a token for this namespace; for what shows all of them, one made with `--namespaces '*'`",
    httpStatus: 403,
  },
  TSK_AUTH_KEYS_UNAVAILABLE: {
    summary: "The keys that sign JWTs cannot be fetched, so no JWT can be judged; API tokens still work",
    fault: "system",
    remedy: "Check that the host reaches `auth.jwt.jwks_url`; it asks again by itself",
    httpStatus: 503,
  },
  TSK_AUTH_UNCONFIGURED: {
    summary: "The API would be open to everybody who reaches its address",
    fault: "user",
    remedy:
      'Set `auth.mode = "required"` and make a token with `tasker-host token create`, or bind to loopback in the environments "development" and "test"',
    httpStatus: 500,
  },
  TSK_AUTH_KEY_UNUSABLE: {
    summary: "The key or key set that `auth.jwt` names cannot be used",
    fault: "user",
    remedy:
      "Give RSA public keys of at least 2048 bits: a PEM file (`BEGIN PUBLIC KEY`), or a JWKS with keys for RS256",
    httpStatus: 500,
  },
  TSK_TOKEN_NAME_TAKEN: {
    summary: "A token of this name exists and is not revoked",
    fault: "user",
    remedy: "Choose another name, or revoke the other token first",
    httpStatus: 409,
  },
  TSK_TOKEN_UNKNOWN: {
    summary: "No token has this handle or name",
    fault: "user",
    remedy: "`tasker-host token list` shows the tokens that there are",
    httpStatus: 404,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
