import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { type ErrorCode, TaskerError } from "../../core/errors/index.ts";
import type { Principal } from "../domain/principal.ts";
import { ATTEMPTED, type Verifier } from "./authenticator.ts";

/** Where the keys come from. A single key checks every token, whatever key id that names. */
export type JwtKeys = { readonly url: URL } | { readonly keySet: JSONWebKeySet } | { readonly key: JWK };

export interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  /** How far the issuer's clock may be off. */
  readonly clockToleranceSeconds: number;
  readonly keys: JwtKeys;
  readonly clock: Clock;
}

/** Pinned: a token does not choose how it is checked. */
const ALGORITHMS = ["RS256"];

/** Keys are fetched again after this long: one that the issuer withdrew is refused by then. */
const KEYS_FRESH_MS = 600_000;

/** A key id that nobody knows makes us ask again, but no more often than this: strangers choose key ids, too. */
const KEYS_COOLDOWN_MS = 5_000;

const KEYS_TIMEOUT_MS = 3_000;

/** No control characters and no halves of one: names are stored, compared and printed. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;

/** Tasker's claims. Who says nothing may do nothing. */
const Claims = z.object({
  sub: z.string().min(1).max(256).regex(PRINTABLE),
  permissions: z.array(z.string()).default([]),
  worker_namespaces: z.array(z.string().regex(PRINTABLE)).default([]),
});

/** Recognises JWTs by signature, issuer, audience and time; what they may do stands in Tasker's claims. */
export function jwtVerifier({ issuer, audience, clockToleranceSeconds, keys, clock }: JwtOptions): Verifier {
  const getKey = keySource(keys);
  const accepted = `a JWT signed with ${ALGORITHMS.join(", ")}, with iss "${issuer}", aud "${audience}", exp, iat and sub, and with Tasker's claims as docs/access.md shows them`;
  return async (credentials, origin): Promise<Principal> => {
    const { payload } = await jwtVerify(credentials, getKey, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock.now()),
      requiredClaims: ["sub", "exp", "iat"],
    }).catch((error: unknown) => {
      throw verdict(error, accepted);
    });
    const claims = Claims.safeParse(payload);
    if (!claims.success) {
      const claim = String(claims.error.issues[0]?.path[0] ?? "");
      const found = `a JWT that does not pass (claim "${claim}" has another form)`;
      throw refusal("TSK_AUTH_INVALID", found, claims.error, accepted);
    }
    const { sub, permissions, worker_namespaces: namespaces } = claims.data;
    return {
      actor: { kind: "jwt", name: sub, origin },
      permissions: new Set(permissions),
      namespaces: namespaces.includes("*") ? "*" : namespaces,
    };
  };
}

function keySource(keys: JwtKeys): JWTVerifyGetKey {
  if ("key" in keys) return () => Promise.resolve(keys.key);
  if ("keySet" in keys) return createLocalJWKSet(keys.keySet);
  return createRemoteJWKSet(keys.url, {
    cacheMaxAge: KEYS_FRESH_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
  });
}

/** What is wrong with the token is the caller's matter; that keys could not be had says nothing of the token. */
function verdict(error: unknown, accepted: string): TaskerError {
  if (error instanceof errors.JWTExpired) return refusal("TSK_AUTH_EXPIRED", "a JWT that has expired", error);
  if (!(error instanceof errors.JOSEError) || KEYS_FAILED.has(error.code)) {
    return refusal("TSK_AUTH_KEYS_UNAVAILABLE", "no keys to check a JWT with", error);
  }
  const claim = error instanceof errors.JWTClaimValidationFailed ? ` (claim "${error.claim}")` : "";
  return refusal("TSK_AUTH_INVALID", `a JWT that does not pass${claim}`, error, accepted);
}

/** jose's general code: the endpoint answered something else than 200 and JSON. */
const KEYS_FAILED: ReadonlySet<string> = new Set([
  errors.JWKSTimeout.code,
  errors.JWKSInvalid.code,
  errors.JOSEError.code,
]);

function refusal(code: ErrorCode, found: string, cause: unknown, accepted?: string): TaskerError {
  return new TaskerError(code, { attempted: ATTEMPTED, found, ...(accepted !== undefined && { accepted }), cause });
}
