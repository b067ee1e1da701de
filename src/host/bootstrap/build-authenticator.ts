import type { Clock } from "../../core/clock.ts";
import { TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { hostOf, isLoopback } from "../config/loopback.ts";
import type { HostConfig } from "../config/schema.ts";
import type { Database } from "../database/connection.ts";
import { apiTokenVerifier } from "../identity/api-token-verifier.ts";
import { type Authenticator, NO_AUTHENTICATION, requiredAuthentication } from "../identity/authenticator.ts";
import { jwtVerifier } from "../identity/jwt-verifier.ts";
import { readJwtKeys } from "../identity/read-jwt-keys.ts";

/** Environments in which a host on loopback may do without authentication. */
const ENVIRONMENTS_WITHOUT = ["development", "test"];

/**
 * Refuses a configuration that would open the API to others than the users of this machine. Called before anything starts.
 *
 * @throws TSK_AUTH_UNCONFIGURED
 */
export function refuseOpenApi({ config, environment }: LoadedConfig): void {
  if (config.auth.mode === "required") return;
  const { bindAddress } = config.web;
  const reasons = [
    ...(isLoopback(hostOf(bindAddress)) ? [] : [`web.bind_address is "${bindAddress}"`]),
    ...(ENVIRONMENTS_WITHOUT.includes(environment) ? [] : [`the environment is "${environment}"`]),
  ];
  if (reasons.length === 0) return;
  throw new TaskerError("TSK_AUTH_UNCONFIGURED", {
    attempted: "Cannot start the API without authentication",
    found: `auth.mode is "off", and ${reasons.join(", and ")}`,
    accepted: 'auth.mode = "required"; "off" on loopback in the environments "development" and "test"',
  });
}

/** What the configuration says of who may call. @throws TSK_AUTH_KEY_UNUSABLE */
export function buildAuthenticator(
  config: HostConfig,
  deps: { readonly database: Database; readonly clock: Clock; readonly logger: Logger },
): Authenticator {
  if (config.auth.mode === "off") return NO_AUTHENTICATION;
  const { issuer, audience, jwksUrl, keyFile, clockToleranceSeconds } = config.auth.jwt;
  const jwt = (): ReturnType<typeof jwtVerifier> => {
    const keys = jwksUrl === "" ? readJwtKeys(keyFile) : { url: new URL(jwksUrl) };
    return jwtVerifier({ issuer, audience, clockToleranceSeconds, keys, clock: deps.clock });
  };
  return requiredAuthentication({
    apiToken: apiTokenVerifier(deps),
    jwt: issuer === "" ? undefined : jwt(),
  });
}
