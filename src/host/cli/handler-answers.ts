/** What the commands read of the API's answers about handlers. Loose: members that they do not know stay, for `--json`. */
import { z } from "zod";

const Actor = z.looseObject({
  kind: z.string(),
  name: z.string(),
  origin: z.string(),
  handle: z.string().optional(),
});
const Replaced = z.looseObject({ version: z.string(), digest: z.string() }).nullable();

/** `details.stored` of an upload whose promotion was refused. */
export const StoredVersion = z.looseObject({
  namespace: z.string(),
  name: z.string(),
  version: z.string(),
  digest: z.string(),
  size_bytes: z.number(),
  callables: z.array(z.string()),
  created: z.boolean(),
});

export const UploadedAnswer = StoredVersion.extend({ promoted: z.boolean(), replaced: Replaced });
export type UploadedAnswer = z.infer<typeof UploadedAnswer>;

export const HandlerListAnswer = z.looseObject({
  handlers: z.array(
    z.looseObject({
      namespace: z.string(),
      name: z.string(),
      versions: z.number(),
      active: z
        .looseObject({
          version: z.string(),
          digest: z.string(),
          callables: z.array(z.string()),
          not_granted: z.array(z.string()),
          activated_at: z.string(),
        })
        .nullable(),
    }),
  ),
});
export type HandlerListAnswer = z.infer<typeof HandlerListAnswer>;

export const VersionAnswer = z.looseObject({
  namespace: z.string(),
  name: z.string(),
  version: z.string(),
  digest: z.string(),
  active: z.boolean(),
  callables: z.array(z.string()),
  imports: z.array(z.string()),
  exports: z.array(z.string()),
  capabilities: z.array(z.string()),
  not_granted: z.array(z.string()),
  size_bytes: z.number(),
  has_source_map: z.boolean(),
  uploaded_at: z.string(),
  uploaded_by: Actor,
  activated_at: z.string().nullable(),
  approved_at: z.string().nullable(),
  approved_by: Actor.nullable(),
  deprecated_at: z.string().nullable(),
  deprecated_by: Actor.nullable(),
  prepared: z.array(
    z.looseObject({ preparer_version: z.string(), fuel_schedule: z.string(), describe_fuel: z.number() }),
  ),
});
export type VersionAnswer = z.infer<typeof VersionAnswer>;

export const HandlerAnswer = z.looseObject({
  namespace: z.string(),
  name: z.string(),
  versions: z.array(VersionAnswer),
  activations: z.array(
    z.looseObject({
      version: z.string(),
      digest: z.string(),
      reason: z.string(),
      activated_at: z.string(),
      activated_by: Actor,
      replaced_version: z.string().nullable(),
      replaced_digest: z.string().nullable(),
    }),
  ),
});
export type HandlerAnswer = z.infer<typeof HandlerAnswer>;

export const PromotedAnswer = z.looseObject({ version: z.string(), changed: z.boolean(), replaced: Replaced });
export type PromotedAnswer = z.infer<typeof PromotedAnswer>;

export const DeactivatedAnswer = z.looseObject({ version: z.string(), digest: z.string() });

export const RanStepsAnswer = z.looseObject({
  digest: z.string(),
  digests: z.array(z.string()),
  steps: z.array(
    z.looseObject({
      step_uuid: z.string(),
      step_name: z.string().nullable(),
      digest: z.string(),
      task_uuid: z.string(),
      attempt: z.number(),
      claimed_at: z.string(),
      ended_as: z.string().nullable(),
      outcome: z.string().nullable(),
    }),
  ),
  next_before: z.string().nullable(),
});

export type RanStepsAnswer = z.infer<typeof RanStepsAnswer>;

export const GrantsAnswer = z.looseObject({
  namespace: z.string(),
  capabilities: z.array(z.string()),
  limits: z.record(z.string(), z.number()),
  own: z.boolean(),
  own_capabilities: z.array(z.string()).nullable(),
  own_limits: z.record(z.string(), z.number()),
  changed_at: z.string().nullable(),
  changed_by: Actor.nullable(),
  ungranted: z.array(z.looseObject({ name: z.string(), version: z.string(), not_granted: z.array(z.string()) })),
});
export type GrantsAnswer = z.infer<typeof GrantsAnswer>;

export type ActorAnswer = z.infer<typeof Actor>;
