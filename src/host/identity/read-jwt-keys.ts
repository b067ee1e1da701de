import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import type { JWK } from "jose";
import { z } from "zod";
import { TaskerError } from "../../core/errors/index.ts";
import type { JwtKeys } from "./jwt-verifier.ts";

/** RFC 7518 §3.3. */
const SHORTEST_KEY_BITS = 2_048;

/** Sets hold keys for other uses, too; those are skipped. */
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), alg: z.string().optional() })) });
const RsaKey = z.object({ kty: z.literal("RSA"), kid: z.string().optional(), n: z.string(), e: z.string() });

/**
 * The keys of a file: one public key in PEM, or a JWKS. Read once, at the start.
 *
 * @throws TSK_AUTH_KEY_UNUSABLE
 */
export function readJwtKeys(path: string): JwtKeys {
  const unusable = (found: string, cause?: unknown): TaskerError =>
    new TaskerError("TSK_AUTH_KEY_UNUSABLE", { attempted: `Cannot use the keys of "${path}"`, found, cause });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw unusable("the file cannot be read", cause);
  }
  if (/PRIVATE KEY/.test(text)) throw unusable("a private key; the host needs the public one only");
  try {
    if (!text.trimStart().startsWith("{")) return { key: jwkOf(createPublicKey(text)) };
    const keys = keysOfSet(text);
    if (keys.length > 0) return { keySet: { keys } };
  } catch (cause) {
    throw unusable(cause instanceof TaskerError ? cause.found : "no public key", cause);
  }
  throw unusable("no RSA key for RS256");
}

function keysOfSet(text: string): JWK[] {
  return KeySet.parse(JSON.parse(text))
    .keys.filter(({ kty, alg }) => kty === "RSA" && (alg === undefined || alg === "RS256"))
    .map((key) => {
      const { kid, ...rsa } = RsaKey.parse(key);
      return { ...jwkOf(createPublicKey({ key: rsa, format: "jwk" })), ...(kid !== undefined && { kid }) };
    });
}

function jwkOf(key: KeyObject): JWK {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa" || bits < SHORTEST_KEY_BITS) {
    throw new TaskerError("TSK_AUTH_KEY_UNUSABLE", {
      attempted: "Cannot use a key",
      found: `a key of kind "${key.asymmetricKeyType}" with ${bits} bits`,
    });
  }
  const { n = "", e = "" } = key.export({ format: "jwk" });
  return { kty: "RSA", alg: "RS256", n, e };
}
