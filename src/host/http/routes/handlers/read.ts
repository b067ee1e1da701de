import { z } from "@hono/zod-openapi";
import { TaskerError } from "../../../../core/errors/index.ts";
import { isUuid } from "../../../../core/ids.ts";
import {
  listActivations,
  listRanSteps,
  listVersions,
  readVersion,
  type StepsCursor,
  versionDigests,
  type VersionFacts,
} from "../../../database/handler-lists.ts";
import type { AppDeps } from "../../deps.ts";
import { answers, type App, documentRoute, refusals } from "../../document-route.ts";
import { parseQuery } from "../../parse-query.ts";
import { HandlerSchema, RanStepsSchema, VersionSchema } from "../../schemas/handlers.ts";
import { versionUnknown } from "../../../registry/refusals.ts";
import { HandlerParams, handlerOf, versionOf, VersionParams } from "./parameters.ts";

const LIMIT_RULE = "a whole number from 1 to 500";
const BEFORE_RULE = "the `next_before` of the page before";

const StepsQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, LIMIT_RULE)
    .transform(Number)
    .pipe(z.int(LIMIT_RULE).min(1, LIMIT_RULE).max(500, LIMIT_RULE))
    .default(50)
    .openapi({ type: "integer", minimum: 1, maximum: 500, default: 50 }),
  before: z.string().max(100, BEFORE_RULE).optional(),
});

/** What there is of a handler, what a version is, and which steps it ran. */
export function readHandlerRoutes(app: App, { database, registry }: AppDeps): void {
  const view = async (version: VersionFacts): Promise<object> => {
    return { ...version, not_granted: await registry.grants.notGranted(version.namespace, version.capabilities) };
  };

  const handler = documentRoute(app, {
    method: "get",
    path: "/v1/namespaces/{namespace}/handlers/{name}",
    access: "handlers:read",
    summary: "Read a handler: its versions, and which was active when",
    request: { params: HandlerParams },
    responses: { 200: answers("The handler", HandlerSchema), ...refusals(400, 404, 408, 503) },
  });
  app.get(handler, async (c) => {
    const { namespace, name } = handlerOf(c);
    const versions = await listVersions(database, namespace, name);
    const activations = await listActivations(database, namespace, name);
    if (versions.length === 0 && activations.length === 0) {
      const attempted = `Cannot read handler "${namespace}/${name}"`;
      const found = `namespace "${namespace}" has no handler "${name}"`;
      throw new TaskerError("TSK_REGISTRY_HANDLER_UNKNOWN", { attempted, found });
    }
    return c.json({ namespace, name, versions: await Promise.all(versions.map(view)), activations });
  });

  const version = documentRoute(app, {
    method: "get",
    path: "/v1/namespaces/{namespace}/handlers/{name}/versions/{version}",
    access: "handlers:read",
    summary: "Read a version of a handler",
    request: { params: VersionParams },
    responses: { 200: answers("The version", VersionSchema), ...refusals(400, 404, 408, 503) },
  });
  app.get(version, async (c) => {
    const named = versionOf(c);
    const found = await readVersion(database, named);
    if (found === undefined) throw versionUnknown("Cannot read the version", named);
    return c.json(await view(found));
  });

  const steps = documentRoute(app, {
    method: "get",
    path: "/v1/namespaces/{namespace}/handlers/{name}/versions/{version}/steps",
    access: "handlers:read",
    summary: "List the attempts that a version ran, newest first",
    description: "Also of one that was deleted, and with all that had its number.",
    request: { params: VersionParams, query: StepsQuery },
    responses: { 200: answers("A page of attempts", RanStepsSchema), ...refusals(400, 404, 408, 503) },
  });
  app.get(steps, async (c) => {
    const attempted = "Cannot list the steps of a version";
    const named = versionOf(c);
    const { limit, before } = parseQuery(attempted, StepsQuery, c.req.query());
    const cursor = before === undefined ? undefined : cursorOf(before, attempted);
    const digests = await versionDigests(database, named);
    const [digest] = digests;
    if (digest === undefined) throw versionUnknown(attempted, named);
    // One more than asked for tells whether there is another page.
    const rows = await listRanSteps(database, { namespace: named.namespace, digests }, cursor, limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const more = rows.length > limit && last !== undefined;
    return c.json({
      digest,
      digests,
      steps: page,
      next_before: more ? `${last.claimed_at}_${last.step_uuid}_${last.epoch}` : null,
    });
  });
}

const CURSOR = /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([0-9a-f-]{36})_(\d{1,9})$/;

function cursorOf(before: string, attempted: string): StepsCursor {
  const [, claimedAt = "", stepUuid = "", epoch = ""] = CURSOR.exec(before) ?? [];
  if (isUuid(stepUuid) && isMoment(claimedAt)) return { claimedAt, stepUuid, epoch: Number(epoch) };
  const found = `"before" is ${JSON.stringify(before.slice(0, 80))}`;
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: BEFORE_RULE });
}

/** Postgres refuses what no calendar has, such as 30 February; `Date` moves that into March instead. */
function isMoment(claimedAt: string): boolean {
  const ms = Date.parse(claimedAt);
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 19) === claimedAt.slice(0, 19);
}
