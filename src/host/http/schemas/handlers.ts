import { z } from "@hono/zod-openapi";

const timestamp = z.string().openapi({ format: "date-time" });
const digest = z.string().openapi({ description: "SHA-256 of the component's bytes, hexadecimal" });
const bytes = z.int().openapi({ description: "Bytes" });

const ActorSchema = z
  .object({
    kind: z.enum(["token", "jwt", "local", "anonymous"]),
    name: z.string(),
    origin: z.string().openapi({ description: "The remote address, or `cli:<user>@<host>`" }),
    handle: z.string().optional().openapi({ description: "Of a token: another one may bear its name later" }),
  })
  .openapi("Actor");

const notGranted = z.array(z.string()).openapi({
  description: "What it imports and its namespace was not granted on this host: steps end in error; empty: it may run",
});

const ReplacedSchema = z
  .object({ version: z.string(), digest })
  .nullable()
  .openapi("ReplacedVersion", { description: "What was active before; null: nothing" });

export const UploadedSchema = z
  .object({
    namespace: z.string(),
    name: z.string(),
    version: z.string(),
    digest,
    size_bytes: bytes,
    callables: z.array(z.string()),
    created: z.boolean().openapi({ description: "False: the version was there with the same bytes" }),
    promoted: z.boolean().openapi({ description: "True: this request made it the active version" }),
    replaced: ReplacedSchema,
  })
  .openapi("UploadedVersion");

export const HandlerListSchema = z
  .object({
    handlers: z.array(
      z.object({
        namespace: z.string(),
        name: z.string(),
        versions: z.int(),
        active: z
          .object({
            version: z.string(),
            digest,
            callables: z.array(z.string()),
            capabilities: z.array(z.string()),
            not_granted: notGranted,
            activated_at: timestamp,
          })
          .nullable(),
      }),
    ),
  })
  .openapi("HandlerList");

export const VersionSchema = z
  .object({
    namespace: z.string(),
    name: z.string(),
    version: z.string(),
    digest,
    active: z.boolean(),
    callables: z.array(z.string()),
    imports: z.array(z.string()),
    exports: z.array(z.string()),
    capabilities: z.array(z.string()).openapi({ description: "What its imports need of the namespace's grants" }),
    not_granted: notGranted,
    size_bytes: bytes,
    has_source_map: z.boolean(),
    uploaded_at: timestamp,
    uploaded_by: ActorSchema,
    activated_at: timestamp.nullable().openapi({ description: "The last time that it became active" }),
    approved_at: timestamp.nullable(),
    approved_by: ActorSchema.nullable(),
    deprecated_at: timestamp.nullable(),
    deprecated_by: ActorSchema.nullable(),
    prepared: z.array(
      z.object({
        preparer_version: z.string(),
        fuel_schedule: z.string(),
        describe_fuel: z.int().openapi({ description: "What the dry run of `describe` cost" }),
        prepared_at: timestamp,
      }),
    ),
  })
  .openapi("HandlerVersion");

export const HandlerSchema = z
  .object({
    namespace: z.string(),
    name: z.string(),
    versions: z.array(VersionSchema),
    activations: z
      .array(
        z.object({
          version: z.string(),
          digest,
          reason: z.enum(["promoted", "rolled_back", "deactivated"]),
          activated_at: timestamp,
          activated_by: ActorSchema,
          replaced_version: z.string().nullable(),
          replaced_digest: z.string().nullable(),
        }),
      )
      .openapi({ description: "What was active when, newest first, at most 100; `deactivated`: until when it was" }),
  })
  .openapi("Handler");

export const PromotedSchema = z
  .object({
    version: z.string(),
    changed: z.boolean().openapi({ description: "False: it was active already" }),
    replaced: ReplacedSchema,
  })
  .openapi("Promoted");

export const DeactivatedSchema = z
  .object({ version: z.string(), digest })
  .openapi("Deactivated", { description: "What was active until now" });

export const RanStepsSchema = z
  .object({
    digest: digest.openapi({ description: "What the version is, or was when it was deleted" }),
    digests: z.array(digest).openapi({
      description: "All that it ever was, the last one first: a developer's own host puts others in its place",
    }),
    steps: z.array(
      z.object({
        step_uuid: z.string().openapi({ format: "uuid" }),
        step_name: z.string().nullable().openapi({ description: "Null: the step was pruned" }),
        task_uuid: z.string().openapi({ format: "uuid" }),
        digest: digest.openapi({ description: "What ran" }),
        attempt: z.int(),
        epoch: z.int().openapi({ description: "The nth lease of the step" }),
        claimed_at: timestamp,
        ended_at: timestamp.nullable(),
        ended_as: z.string().nullable().openapi({ description: "How its lease ended; null while it runs" }),
        outcome: z
          .enum(["complete", "failed"])
          .nullable()
          .openapi({ description: "Of its result; null: it has left none, or the step was pruned" }),
      }),
    ),
    next_before: z.string().nullable().openapi({ description: "`before` of the next page; null: this is the last" }),
  })
  .openapi("RanSteps");

const LIMIT_RULE = "a whole number, or null for the host's default";
const CAPABILITIES_RULE = 'an array of capabilities such as "log", or null for the host\'s default';

const LimitsShape = {
  fuel: z.int(LIMIT_RULE).openapi({ description: "Units of the fuel schedule, for one run" }),
  max_memory_bytes: z.int(LIMIT_RULE),
  deadline_ms: z.int(LIMIT_RULE).openapi({ description: "Longest deadline of a step" }),
  max_payload_bytes: z.int(LIMIT_RULE).openapi({ description: "Of what a handler is given" }),
  max_result_bytes: z.int(LIMIT_RULE),
  max_log_bytes: z.int(LIMIT_RULE),
};

const ChangedLimitsShape = {
  fuel: LimitsShape.fuel.nullable(),
  max_memory_bytes: LimitsShape.max_memory_bytes.nullable(),
  deadline_ms: LimitsShape.deadline_ms.nullable(),
  max_payload_bytes: LimitsShape.max_payload_bytes.nullable(),
  max_result_bytes: LimitsShape.max_result_bytes.nullable(),
  max_log_bytes: LimitsShape.max_log_bytes.nullable(),
};

/** Issue messages say what is accepted. */
export const GrantChangesSchema = z
  .strictObject(
    {
      capabilities: z
        .array(z.string(CAPABILITIES_RULE).max(100, CAPABILITIES_RULE), CAPABILITIES_RULE)
        .max(100, CAPABILITIES_RULE)
        .nullable()
        .optional(),
      limits: z
        .strictObject(ChangedLimitsShape, `an object of ${Object.keys(LimitsShape).join(", ")}`)
        .partial()
        .optional(),
    },
    '{"capabilities": ["log", "wasi"], "limits": {"fuel": 1000000, "deadline_ms": null}}',
  )
  .openapi("GrantChanges", {
    description: "What is not named stays as it is; null returns a member to the default of the host",
  });

export const GrantsSchema = z
  .object({
    namespace: z.string(),
    capabilities: z.array(z.string()),
    limits: z.object(LimitsShape).openapi({ description: "In force on this host: within its ceilings" }),
    own: z.boolean().openapi({ description: "False: the namespace has the defaults of the host" }),
    own_capabilities: z
      .array(z.string())
      .nullable()
      .openapi({ description: "What was granted, also beyond this host's ceiling; null: the default of the host" }),
    own_limits: z.object(LimitsShape).partial(),
    changed_at: timestamp.nullable(),
    changed_by: ActorSchema.nullable(),
    ungranted: z
      .array(z.object({ name: z.string(), version: z.string(), not_granted: z.array(z.string()) }))
      .openapi({ description: "Active versions that import more than this: their steps end in error" }),
  })
  .openapi("Grants");
