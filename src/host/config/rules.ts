import type { HostConfig } from "./schema.ts";

/** A rule that holds between keys: what is wrong with `key`, if anything. */
export interface RuleBreach {
  readonly key: string;
  readonly found: string;
  readonly accepted: string;
}

/** Every rule between keys that the configuration breaks. */
export function brokenRules(config: HostConfig): readonly RuleBreach[] {
  return RULES.flatMap((rule) => rule(config) ?? []);
}

const RULES: readonly ((config: HostConfig) => RuleBreach | undefined)[] = [
  ({ stepProcessing: { heartbeatIntervalSeconds: beat, claimTimeoutSeconds: lease } }) =>
    breach(beat * 3 > lease, {
      key: "step_processing.heartbeat_interval_seconds",
      found: `${beat}, with a claim_timeout_seconds of ${lease}`,
      accepted: "at most a third of claim_timeout_seconds",
    }),
  ({ sandbox: { isolation, require } }) =>
    breach(isolation === "inline" && require.length > 0, {
      key: "sandbox.require",
      found: `${require.length} walls, with isolation "inline", which has none`,
      accepted: '[], or isolation = "process"',
    }),
  ({ retention: { auditDays } }) =>
    breach(auditDays > 0 && auditDays < 1, {
      key: "retention.audit_days",
      found: String(auditDays),
      accepted: "0, or at least 1: entries of the last day are not deleted",
    }),
  ({ executorPools: { stepExecutorPool: pool } }) =>
    breach(pool.initialPoolSize > pool.maxPoolSize, {
      key: "executor_pools.step_executor_pool.initial_pool_size",
      found: `${pool.initialPoolSize}, with a max_pool_size of ${pool.maxPoolSize}`,
      accepted: "at most max_pool_size",
    }),
  ({ executorPools: { stepExecutorPool: pool } }) =>
    breach(pool.scaleDownThreshold >= pool.scaleUpThreshold, {
      key: "executor_pools.step_executor_pool.scale_down_threshold",
      found: `${pool.scaleDownThreshold}, with a scale_up_threshold of ${pool.scaleUpThreshold}`,
      accepted: "less than scale_up_threshold, or a pool would grow and shrink in turn",
    }),
  ({ stepProcessing: steps }) =>
    breach(steps.retryBackoffBaseSeconds > steps.retryBackoffMaxSeconds, {
      key: "step_processing.retry_backoff_base_seconds",
      found: `${steps.retryBackoffBaseSeconds}, with a retry_backoff_max_seconds of ${steps.retryBackoffMaxSeconds}`,
      accepted: "at most retry_backoff_max_seconds",
    }),
  ({ web, stepProcessing }) =>
    breach(web.maxBodyBytes < stepProcessing.maxContextBytes, {
      key: "step_processing.max_context_bytes",
      found: `${stepProcessing.maxContextBytes}, with a web.max_body_bytes of ${web.maxBodyBytes}`,
      accepted: "at most web.max_body_bytes, as the context comes in a request body",
    }),
  ({ web: { bindAddress } }) =>
    breach(Number(bindAddress.slice(bindAddress.lastIndexOf(":") + 1)) > 65_535, {
      key: "web.bind_address",
      found: `"${bindAddress}"`,
      accepted: "a port from 0 to 65535",
    }),
  ({ web: { corsEnabled, corsOrigins } }) =>
    breach(corsEnabled && corsOrigins.length === 0, {
      key: "web.cors_origins",
      found: "empty, with cors_enabled",
      accepted: 'the origins that may call the API, or ["*"]',
    }),
  ({ web: { corsEnabled, corsOrigins }, auth: { mode } }) =>
    breach(corsEnabled && corsOrigins.includes("*") && mode === "off", {
      key: "web.cors_origins",
      found: '"*", with auth.mode "off": every page that a browser on this machine shows could do everything',
      accepted: 'single origins, or auth.mode = "required"',
    }),
  ({ auth: { jwt } }) =>
    breach(jwt.issuer !== "" && jwt.audience === "", {
      key: "auth.jwt.audience",
      found: "empty: JWTs that the issuer made for other services would be good here",
      accepted: "the audience that the issuer names for this service",
    }),
  ({ auth: { jwt } }) =>
    breach(jwt.issuer !== "" && (jwt.jwksUrl === "") === (jwt.keyFile === ""), {
      key: "auth.jwt.jwks_url",
      found: jwt.jwksUrl === "" ? "empty, as is key_file" : "set, as is key_file",
      accepted: "one of jwks_url and key_file",
    }),
  ({ auth: { jwt } }) =>
    breach(jwt.issuer === "" && (jwt.audience !== "" || jwt.jwksUrl !== "" || jwt.keyFile !== ""), {
      key: "auth.jwt.issuer",
      found: "empty, while other keys of auth.jwt are set: no JWT would be accepted",
      accepted: "the issuer, or nothing in all of them",
    }),
];

function breach(broken: boolean, facts: RuleBreach): RuleBreach | undefined {
  return broken ? facts : undefined;
}
