import { generateKeyPairSync } from "node:crypto";
import { exportJWK, SignJWT } from "jose";
import { systemClock } from "../../../src/core/clock.ts";
import type { Verifier } from "../../../src/host/identity/authenticator.ts";
import { jwtVerifier } from "../../../src/host/identity/jwt-verifier.ts";

export interface JwtIssuer {
  /** Believes this issuer alone. */
  readonly verifier: Verifier;
  /** What a holder of these claims sends; without lifetime it is over already. */
  readonly token: (claims: Readonly<Record<string, unknown>>, lifetimeSeconds?: number) => Promise<string>;
}

export async function jwtIssuer(): Promise<JwtIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const [issuer, audience] = ["https://issuer.example", "tasker-host"];
  return {
    verifier: jwtVerifier({
      issuer,
      audience,
      clockToleranceSeconds: 0,
      keys: { key: await exportJWK(publicKey) },
      clock: systemClock,
    }),
    token: (claims, lifetimeSeconds = 600) => {
      const nowSeconds = Math.floor(systemClock.now() / 1_000);
      const times = { iat: nowSeconds - 600, exp: nowSeconds + lifetimeSeconds };
      return new SignJWT({ iss: issuer, aud: audience, sub: "ci", ...times, ...claims })
        .setProtectedHeader({ alg: "RS256" })
        .sign(privateKey);
    },
  };
}
