/**
 * Every configuration key of the host. One component is one file `config/base/<component>.toml`; defaults stand there,
 * ranges and meanings here. `docs/configuration.md` is generated from both.
 */
import { LOG_LEVELS } from "../../core/logger.ts";
import {
  MAX_ERROR_BYTES,
  MAX_FUEL,
  MAX_LOG_BYTES,
  MAX_RESULT_BYTES,
  MAX_SOURCE_MAP_BYTES,
  WALL_NAMES,
} from "../../runtime/index.ts";
import { CAPABILITY_NAMES, capabilityText } from "../domain/capabilities.ts";
import { NAMESPACE_PATTERN, NAMESPACE_RULE } from "../domain/names.ts";
import { choice, decimal, flag, section, text, textList, type ValueOf, wholeNumber } from "./key.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;
const GIB = 1_024 * MIB;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

const BIND_ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(0|[1-9]\d{0,4})$/;
const HTTP_URL = /^https?:\/\/[^\s/?#]+[^\s?#]*$/;
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const ORIGIN = /^(\*|https?:\/\/[A-Za-z0-9.[\]:-]+)$/;
const JWKS_URL = /^(|https:\/\/[^\s/?#]\S*|http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])([:/]\S*)?)$/;
const CAPABILITY = new RegExp(`^(${CAPABILITY_NAMES.join("|")})$`);
const DATABASE_URL = /^$|^postgres(ql)?:\/\/\S+$/;

export const CONFIG_SCHEMA = section("The host", {
  web: section("The HTTP API.", {
    bind_address: text(
      "Where the API listens. Port 0 takes any free port. Beyond loopback it asks for credentials, see `auth.mode`.",
      { pattern: BIND_ADDRESS, accepted: 'an address with a port such as "127.0.0.1:8081" or "[::1]:8081"' },
    ),
    allowed_hosts: textList(
      "On loopback, requests must name this machine in their `Host` header, or pages of other sites could reach the API through a name of theirs that leads here. Further names, for example that of a proxy in front.",
      { pattern: HOST_NAME, accepted: 'an array of host names without a port such as "tasker.example.org"' },
    ),
    request_timeout_seconds: decimal("A request that takes longer is answered with 408.", { min: 0.1, max: 600 }),
    cors_enabled: flag("Answers cross-origin requests of browsers, from `cors_origins`."),
    cors_origins: textList("The origins whose pages may call the API where `cors_enabled` is on.", {
      pattern: ORIGIN,
      accepted: 'an array of origins such as "https://example.org", or "*" for any where `auth.mode` is "required"',
    }),
    max_body_bytes: wholeNumber("A request body that is larger is refused with 413 while it is read.", {
      min: KIB,
      max: GIB,
    }),
    max_connections: wholeNumber("Connections at once; further ones are closed as they come.", {
      min: 1,
      max: 1_000_000,
    }),
    rate_limit_requests: wholeNumber(
      "Requests that one caller may send in `rate_limit_window_seconds`; further ones are answered with 429. An unrecognised caller is its address, a recognised one its token or JWT subject. Each host counts for itself. Health does not count. 0: no limit.",
      { min: 0, max: 10_000_000 },
    ),
    rate_limit_window_seconds: wholeNumber("After this long the count begins anew.", { min: 1, max: HOUR_SECONDS }),
  }),

  auth: section("Who may use the HTTP API; docs/access.md explains it.", {
    mode: choice(
      '"required": callers bring an API token or a JWT. "off": everybody who reaches the port may do everything; only on loopback, in the environments "development" and "test".',
      ["required", "off"],
    ),
    metrics_public: flag(
      "Answers `/metrics` without credentials, as Tasker does. The metrics name namespaces. Off: callers need the permission `system:analytics_read`.",
    ),
    jwt: section("JWTs, signed with RS256. Off while `issuer` is empty.", {
      issuer: text("The `iss` that JWTs must have.", {
        pattern: /^[^\s\p{Cc}]{0,500}$/u,
        accepted: "text without blanks",
      }),
      audience: text("The `aud` that JWTs must have, alone or among others.", {
        pattern: /^[^\s\p{Cc}]{0,500}$/u,
        accepted: "text without blanks",
      }),
      jwks_url: text(
        "Where the issuer publishes its keys. They are fetched again after 10 minutes, and when a JWT names another key, at most every 5 seconds.",
        { pattern: JWKS_URL, accepted: "an https:// URL, or http:// on loopback" },
      ),
      key_file: text("Instead of `jwks_url`: a file with the public key in PEM, or with a JWKS. Read at the start.", {
        pattern: /^\P{Cc}{0,1000}$/u,
        accepted: "a path",
      }),
      clock_tolerance_seconds: wholeNumber("How far the issuer's clock may be off.", { min: 0, max: 300 }),
    }),
  }),

  executor_pools: section("How many steps run at once.", {
    step_executor_pool: section("The executors of one namespace; each namespace has a pool of its own.", {
      initial_pool_size: wholeNumber("Slots that a pool starts with, and shrinks back to.", { min: 1, max: 10_000 }),
      max_pool_size: wholeNumber("Slots that a pool may grow to.", { min: 1, max: 10_000 }),
      scale_up_threshold: decimal("Share of slots in use at and above which a pool with a backlog doubles.", {
        min: 0,
        max: 1,
      }),
      scale_down_threshold: decimal("Share of slots in use at and below which a pool without a backlog halves.", {
        min: 0,
        max: 1,
      }),
      max_concurrent_steps: wholeNumber("Steps under way over all namespaces of this host.", { min: 1, max: 100_000 }),
    }),
    result_processor_pool: section("How results are collected before they are written.", {
      max_batch_size: wholeNumber("Results in one transaction.", { min: 1, max: 1_000 }),
      flush_interval_ms: wholeNumber("How long a first result waits for company, in milliseconds.", {
        min: 0,
        max: 1_000,
      }),
      result_persistence_timeout_seconds: decimal(
        "How long a shutdown waits for Postgres to take the last results; what is left is run again by whoever takes over the leases.",
        { min: 0.1, max: 600 },
      ),
    }),
  }),

  orchestration_api: section("Who orchestrates, and where `submit` and `task` send their requests.", {
    mode: choice(
      '"embedded": this host turns results into the next steps itself, in the transaction of the report. "external": it reports to a Tasker orchestrator on the same database.',
      ["embedded", "external"],
    ),
    base_url: text("The API that the commands `submit` and `task` talk to.", {
      pattern: HTTP_URL,
      accepted: 'an HTTP URL without query such as "http://127.0.0.1:8081"',
    }),
    timeout_seconds: decimal("How long a command waits for one answer.", { min: 0.1, max: 600 }),
    retry_attempts: wholeNumber("How often a command asks again when the API refuses the connection or answers 503.", {
      min: 0,
      max: 100,
    }),
  }),

  step_processing: section("Claiming steps, running them, and what becomes of failed ones.", {
    namespaces: textList("Namespaces that this host serves. Empty: all that it has templates or handlers for.", {
      pattern: NAMESPACE_PATTERN,
      accepted: `an array of namespaces (each ${NAMESPACE_RULE})`,
    }),
    claim_batch_size: wholeNumber("Steps that one claim may take.", { min: 1, max: 1_000 }),
    claim_timeout_seconds: decimal(
      "The lease: a host that sends no heartbeat for this long is declared dead, and any other takes its steps over.",
      { min: 1, max: HOUR_SECONDS },
    ),
    heartbeat_interval_seconds: decimal(
      "How often the host renews its leases. At most a third of `claim_timeout_seconds`, so that one lost heartbeat costs nothing.",
      { min: 0.1, max: HOUR_SECONDS },
    ),
    default_timeout_seconds: decimal("Deadline of a step whose template names no `timeout_seconds`.", {
      min: 0.01,
      max: DAY_SECONDS,
    }),
    shutdown_grace_seconds: decimal(
      "How long a shutdown lets running steps finish; the rest is handed over to other hosts without burning an attempt.",
      { min: 0, max: HOUR_SECONDS },
    ),
    max_retries: wholeNumber("`retry.max_attempts` of steps whose template names none.", { min: 1, max: 100 }),
    retry_backoff_base_seconds: decimal("Wait before the first retry, where the template names no `backoff_base_ms`.", {
      min: 0,
      max: DAY_SECONDS,
    }),
    retry_backoff_multiplier: decimal("Factor from one exponential wait to the next.", { min: 1, max: 10 }),
    retry_backoff_max_seconds: decimal("Longest wait before a retry, where the template names no `max_backoff_ms`.", {
      min: 0,
      max: 30 * DAY_SECONDS,
    }),
    retry_jitter: decimal("Share by which a wait is lengthened or shortened at random; 0.15 is ±15 %.", {
      min: 0,
      max: 1,
    }),
    max_context_bytes: wholeNumber("Size of a task's context; a larger one is refused when the task is submitted.", {
      min: KIB,
      max: 256 * MIB,
    }),
    native_handlers_win: flag("A native handler runs a callable even where an active component serves it too."),
  }),

  health_monitoring: section("What the host tells of itself.", {
    health_check_interval_seconds: decimal("How often queue depths, pools and the database are looked at.", {
      min: 0.1,
      max: HOUR_SECONDS,
    }),
    metrics_collection_enabled: flag("Serves `/metrics`."),
    step_processing_rate_threshold: decimal(
      "Steps a second; a namespace with a backlog that is slower for a whole interval is reported as slow in `/status`.",
      { min: 0, max: 1_000_000 },
    ),
  }),

  database: section("Postgres 15 or newer.", {
    url: text("Connection URL. Empty: the host starts a Postgres of its own. `DATABASE_URL` sets it too.", {
      pattern: DATABASE_URL,
      accepted: 'a URL such as "postgres://user:password@host:5432/name", or "" for the embedded server',
      secret: true,
    }),
    embedded_data_dir: text("Folder of the embedded server's data, relative to the working directory.", {
      pattern: /^[^\0]+$/,
      accepted: "a path",
    }),
    max_connections: wholeNumber(
      "Connections of this host; the wake-up listener has one more. Of four or more, two are kept free for heartbeats, reports and take-overs, which slow requests to the API must not delay; of two or three, one.",
      {
        min: 2,
        max: 1_000,
      },
    ),
    connect_timeout_seconds: decimal("How long one connection attempt may take.", { min: 0.1, max: 600 }),
    statement_timeout_seconds: decimal("Postgres cancels a statement that takes longer.", {
      min: 0.1,
      max: DAY_SECONDS,
    }),
    idle_in_transaction_timeout_seconds: decimal(
      "Postgres ends a session that leaves a transaction open for longer: a stalled host must not hold locks.",
      { min: 1, max: DAY_SECONDS },
    ),
  }),

  messaging: section("Queues and wake-ups.", {
    poll_interval_ms: wholeNumber(
      "How often an idle namespace looks into its queue when no notification comes, in milliseconds.",
      { min: 1, max: 600_000 },
    ),
    notify_enabled: flag("Listens for notifications; without them the poll interval is the latency of a first step."),
  }),

  retention: section(
    "How long what is over is kept. Deleting goes by small batches in the background, and never touches what is unfinished.",
    {
      finished_tasks_days: decimal(
        "Tasks that are complete, cancelled, in error or resolved, with their steps, transitions, results and leases. Tasks that are blocked by failures stay. 0 keeps them for ever.",
        { min: 0, max: 36_500 },
      ),
      queue_archives_days: decimal("Messages in the archives of step queues. 0 keeps them for ever.", {
        min: 0,
        max: 36_500,
      }),
      lease_history_days: decimal(
        "Leases of steps whose task has finished, and sessions of hosts that are gone; for tasks that are themselves kept longer. 0 keeps them for ever.",
        { min: 0, max: 36_500 },
      ),
      audit_days: decimal(
        "The audit of changes to handlers, grants and tokens. 0 keeps it for ever, else it is kept for a day at least.",
        {
          min: 0,
          max: 36_500,
        },
      ),
      interval_seconds: decimal("How often a host looks for what is old enough.", { min: 1, max: DAY_SECONDS }),
      batch_size: wholeNumber("Rows that one transaction looks at.", { min: 1, max: 10_000 }),
      batch_pause_ms: wholeNumber("Pause between two of these transactions, in milliseconds.", { min: 0, max: 60_000 }),
    },
  ),

  sandbox: section("What handlers may cost, and how they are kept apart.", {
    isolation: choice(
      '"process": one process (or more) a namespace, killed at a deadline. "inline": in the host\'s own process, where an endless loop without fuel stops the host; for tests and tools only.',
      ["process", "inline"],
    ),
    require: textList(
      "Walls around sandbox processes without which the host does not start; `tasker-host doctor` lists them all and says which stand here.",
      {
        pattern: new RegExp(`^(${WALL_NAMES.join("|")})$`),
        accepted: `an array of walls (${WALL_NAMES.join(", ")})`,
      },
    ),
    max_processes_per_namespace: wholeNumber(
      "Sandbox processes that a namespace may have at once; as many again while steps are repeated that overflowed V8's stack (docs/fuel.md, call depth).",
      {
        min: 1,
        max: 256,
      },
    ),
    idle_stop_seconds: decimal("A sandbox process that had nothing to do for this long is stopped.", {
      min: 0.1,
      max: DAY_SECONDS,
    }),
    max_process_resident_bytes: wholeNumber("A sandbox process with more resident memory is replaced.", {
      min: 64 * MIB,
      max: 1_024 * GIB,
    }),
    max_compile_cpu_seconds: decimal(
      "CPU time of V8's compiler threads for each component that a sandbox process is given; they work beside the steps, where no fuel counts them. A process beyond it is replaced.",
      { min: 0.1, max: HOUR_SECONDS },
    ),
    limits: section("What one run of one step may cost.", {
      fuel: wholeNumber(
        "Units of the fuel schedule, counted exactly and alike on every machine: stops endless loops, says nothing of wall-clock time.",
        { min: 1, max: MAX_FUEL },
      ),
      max_memory_bytes: wholeNumber(
        "Linear memories and tables of the instance, together. Growth beyond it fails inside the handler.",
        { min: 64 * KIB, max: 4 * GIB },
      ),
      max_call_depth: wholeNumber(
        "Stack of the component, in units of a frame of up to 256 bytes; a run beyond it ends as `stack-exhausted`. QuickJS takes three a call of JavaScript.",
        {
          min: 16,
          max: 16_384,
        },
      ),
      max_result_bytes: wholeNumber(
        "UTF-8 bytes of a result with its metadata and attributes (16 more for each), or of a checkpoint.",
        {
          min: KIB,
          max: MAX_RESULT_BYTES,
        },
      ),
      max_error_bytes: wholeNumber("UTF-8 bytes of a failure: message, context and attributes (16 more for each).", {
        min: KIB,
        max: MAX_ERROR_BYTES,
      }),
      max_log_bytes: wholeNumber("UTF-8 bytes over all log lines of a run, 16 more for each line.", {
        min: 0,
        max: MAX_LOG_BYTES,
      }),
      max_host_calls: wholeNumber("Calls of host functions of any kind.", { min: 0, max: 1_000_000_000 }),
    }),
    prepare: section("What an uploaded component may cost before it has run.", {
      max_component_bytes: wholeNumber("Size of a component.", { min: KIB, max: GIB }),
      timeout_seconds: decimal("Wall clock of each of the two processes that work on it.", {
        min: 0.1,
        max: HOUR_SECONDS,
      }),
      max_resident_bytes: wholeNumber("Resident memory of each of the two processes.", {
        min: 128 * MIB,
        max: 64 * GIB,
      }),
      describe_fuel: wholeNumber("Fuel of the one call of `describe`.", { min: 1, max: MAX_FUEL }),
      describe_memory_bytes: wholeNumber("Memory of the instance that answers `describe`.", {
        min: 64 * KIB,
        max: 4 * GIB,
      }),
    }),
  }),

  registry: section(
    "Versions of handlers: uploads, and the copies that this host keeps; docs/registry.md explains it.",
    {
      cache_dir: text(
        "Folder of prepared components, relative to the working directory. It may be deleted at any time.",
        {
          pattern: /^[^\0]+$/,
          accepted: "a path",
        },
      ),
      cache_max_bytes: wholeNumber("What the folder may hold; what was read longest ago goes first.", {
        min: 0,
        max: 1_024 * GIB,
      }),
      max_loaded_components: wholeNumber("Prepared components that are kept in memory.", { min: 1, max: 10_000 }),
      max_preparing: wholeNumber("Components that are prepared at once, each in two processes, one after the other.", {
        min: 1,
        max: 64,
      }),
      max_uploads: wholeNumber(
        "Uploads under way at once, waiting ones among them, each of them in memory, and half of them of one caller at most; further ones are answered with 503.",
        { min: 1, max: 10_000 },
      ),
      upload_timeout_seconds: decimal("An upload whose body takes longer to arrive is answered with 408.", {
        min: 0.1,
        max: HOUR_SECONDS,
      }),
      max_source_map_bytes: wholeNumber("Size of a source map that comes with a component.", {
        min: 0,
        max: MAX_SOURCE_MAP_BYTES,
      }),
      poll_interval_seconds: decimal("How often the host looks for changed handlers when no notification comes.", {
        min: 0.05,
        max: HOUR_SECONDS,
      }),
      replace_versions: choice(
        'Where `run --handlers` puts other bytes under a version that was used, and promotes what is new however much it imports, which the audit then says: for a developer\'s own host. What it knew before stays as it was promoted, rolled back or deactivated. "embedded": only in the embedded database, which nobody shares. Uploads never do.',
        ["never", "embedded", "always"],
      ),
    },
  ),

  grants: section("What the handlers of a namespace may import and use, where `tasker-host grants set` says nothing.", {
    default_capabilities: textList("Capabilities of a namespace without grants of its own.", {
      pattern: CAPABILITY,
      accepted: `an array of capabilities (${CAPABILITY_NAMES.map((name) => `${name}: ${capabilityText(name)}`).join("; ")})`,
    }),
    ceilings: section("What no namespace gets beyond on this host, whatever it was granted.", {
      capabilities: textList("Capabilities that namespaces may have at all.", {
        pattern: CAPABILITY,
        accepted: `an array of capabilities (${CAPABILITY_NAMES.join(", ")})`,
      }),
      fuel: wholeNumber("Units of the fuel schedule, for one run.", { min: 1, max: MAX_FUEL }),
      max_memory_bytes: wholeNumber("Memories and tables of one run.", { min: 64 * KIB, max: 4 * GIB }),
      deadline_seconds: decimal("Longest deadline of a step, whatever its template says.", {
        min: 0.01,
        max: DAY_SECONDS,
      }),
      max_payload_bytes: wholeNumber(
        "UTF-8 bytes of what a handler is given: context, inputs, configuration, results of other steps, checkpoint.",
        { min: KIB, max: GIB },
      ),
      max_result_bytes: wholeNumber("UTF-8 bytes of a result.", { min: KIB, max: MAX_RESULT_BYTES }),
      max_log_bytes: wholeNumber("UTF-8 bytes over all log lines of a run, 16 more for each line.", {
        min: 0,
        max: MAX_LOG_BYTES,
      }),
    }),
  }),

  logging: section("Structured lines on standard error.", {
    level: choice("Lines below this level are not written.", LOG_LEVELS),
  }),
});

/** The merged, checked configuration. Units are part of the names. */
export type HostConfig = ValueOf<typeof CONFIG_SCHEMA>;
