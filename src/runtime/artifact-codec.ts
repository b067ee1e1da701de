/** Artifacts as bytes and back, every member checked: they come from a disposable process or from storage. */
import { z } from "zod";
import type { Artifact } from "./artifact.ts";
import { corrupt, unpackContainer } from "./artifact-container.ts";
import type { FunctionType, ValueType } from "./component/value-type.ts";

/** The artifact that `packArtifact` wrote. @throws TSK_COMPONENT_ARTIFACT_CORRUPT where the bytes are anything else. */
export function decodeArtifact(bytes: Uint8Array): Artifact {
  const { header, parts } = unpackContainer(bytes);
  const parsed = parseHeader(header);
  if (parsed.modules.length !== parts.length) corrupt("another number of modules than the header describes");
  const modules = parsed.modules.map((module, index) => ({
    ...module,
    bytes: parts[index] ?? corrupt("a module less"),
  }));
  return { ...parsed, modules };
}

function parseHeader(header: unknown): z.infer<typeof artifactHeader> {
  try {
    return artifactHeader.parse(header);
  } catch (error) {
    // Besides a ZodError there is the RangeError of a type that is nested too deep.
    return corrupt(`a header of another shape: ${error instanceof z.ZodError ? firstIssue(error) : String(error)}`);
  }
}

/** One is enough, and all of them are as many as whoever sent the value likes. */
export function firstIssue({ issues }: z.ZodError): string {
  const [issue] = issues;
  return issue === undefined ? "" : `${issue.message} at ${issue.path.map(String).join(".").slice(0, 200)}`;
}

const index = z.int().min(0).max(1_000_000);
const reference = z.object({ instance: index, name: z.string() });
const abi = z.object({
  encoding: z.enum(["utf8", "utf16"]),
  memory: reference.optional(),
  realloc: reference.optional(),
});
const lifted = z.object({ func: reference, postReturn: reference.optional(), abi, owner: index });

const valueType: z.ZodType<ValueType> = z.lazy(() =>
  z.union([
    z.object({
      kind: z.enum(["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"]),
    }),
    z.object({ kind: z.literal("list"), element: valueType }),
    z.object({ kind: z.literal("record"), fields: z.array(z.tuple([z.string(), valueType])) }),
    z.object({ kind: z.literal("tuple"), items: z.array(valueType) }),
    z.object({ kind: z.literal("variant"), cases: z.array(z.tuple([z.string(), absent(valueType)])) }),
    z.object({ kind: z.literal("enum"), labels: z.array(z.string()) }),
    z.object({ kind: z.literal("flags"), labels: z.array(z.string()) }),
    z.object({ kind: z.literal("option"), some: valueType }),
    z.object({ kind: z.literal("result"), ok: absent(valueType), error: absent(valueType) }),
    z.object({ kind: z.enum(["own", "borrow"]), resource: z.string() }),
  ]),
);

/** JSON has no undefined: in an array it is null, in an object the member is missing. */
function absent<T>(type: z.ZodType<T>): z.ZodType<T | undefined> {
  return type.nullish().transform((value) => value ?? undefined);
}

const functionType: z.ZodType<FunctionType> = z.object({
  params: z.array(z.tuple([z.string(), valueType])),
  result: absent(valueType),
});

/** What `describe` said, as the prepare process reports it. */
export const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  callables: z.array(z.string()),
  sdk: z.string(),
});

const artifactHeader = z.object({
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  preparerVersion: z.string(),
  fuelScheduleId: z.string(),
  manifest: manifestSchema,
  imports: z.array(z.string()),
  exports: z.array(z.string()),
  modules: z.array(
    z.object({
      memories: z.array(z.object({ importName: z.string(), minPages: index, maxPages: index.optional() })),
      initialBytes: z.int().min(0),
      instantiationFuel: z.int().min(0),
    }),
  ),
  plan: z.object({
    instantiations: z.array(
      z.object({
        module: index,
        imports: z.array(
          z.object({
            module: z.string(),
            name: z.string(),
            from: z.union([reference, z.object({ trampoline: index })]),
          }),
        ),
        initialize: z.string().optional(),
      }),
    ),
    trampolines: z.array(
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("host"), interface: z.string(), name: z.string(), abi }),
        z.object({ kind: z.literal("resource-drop"), resource: z.string() }),
        z.object({ kind: z.literal("guest"), callee: lifted, type: functionType, abi, caller: index }),
      ]),
    ),
    describe: lifted,
    handle: lifted,
  }),
  describeFuel: z.number().min(0),
});
