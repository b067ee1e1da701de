import { z } from "@hono/zod-openapi";
import type { AppDeps } from "../../deps.ts";
import { answers, type App, documentRoute, refusals } from "../../document-route.ts";
import { parseQuery } from "../../parse-query.ts";
import { DeactivatedSchema, PromotedSchema } from "../../schemas/handlers.ts";
import { HandlerParams, handlerOf, versionOf, VersionParams } from "./parameters.ts";

const VERSION_PATH = "/v1/namespaces/{namespace}/handlers/{name}/versions/{version}";
const DeprecateQuery = z.strictObject({ undo: z.enum(["true", "false"], "true or false").default("false") });

/** Promote, roll back, deactivate, approve, deprecate, delete: each one call, one transaction, one entry of the audit. */
export function changeHandlerRoutes(app: App, { registry }: AppDeps): void {
  const promote = documentRoute(app, {
    method: "post",
    path: `${VERSION_PATH}/promote`,
    access: "handlers:promote",
    summary: "Make a version the active one",
    description:
      "From the next claim on it runs the callables, on all hosts; steps in flight keep what they began with.",
    request: { params: VersionParams },
    responses: { 200: answers("It is active", PromotedSchema), ...refusals(400, 404, 408, 409, 503) },
  });
  app.post(promote, async (c) => {
    const version = versionOf(c);
    const { changed, replaced } = await registry.promote(c.get("principal").actor, version);
    return c.json({ version: version.version, changed, replaced });
  });

  const rollBack = documentRoute(app, {
    method: "post",
    path: "/v1/namespaces/{namespace}/handlers/{name}/rollback",
    access: "handlers:promote",
    summary: "Undo the last promotion or deactivation; again: the one before",
    request: { params: HandlerParams },
    responses: { 200: answers("The earlier version is active", PromotedSchema), ...refusals(400, 404, 408, 409, 503) },
  });
  app.post(rollBack, async (c) => {
    const { version, replaced } = await registry.rollBack(c.get("principal").actor, handlerOf(c));
    return c.json({ version, changed: true, replaced });
  });

  const deactivate = documentRoute(app, {
    method: "post",
    path: "/v1/namespaces/{namespace}/handlers/{name}/deactivate",
    access: "handlers:promote",
    summary: "Leave a handler without an active version",
    description:
      "From the next claim on nobody runs its callables, and another handler may serve them; steps in flight keep what " +
      "they began with. A roll back makes the version active again.",
    request: { params: HandlerParams },
    responses: { 200: answers("Nothing of it is active", DeactivatedSchema), ...refusals(400, 404, 408, 409, 503) },
  });
  app.post(deactivate, async (c) => {
    const { version, digest } = await registry.deactivate(c.get("principal").actor, handlerOf(c));
    return c.json({ version, digest });
  });

  const approve = documentRoute(app, {
    method: "post",
    path: `${VERSION_PATH}/approve`,
    access: "handlers:approve",
    summary: "Let a version become active although it imports more than what ran its callables last",
    request: { params: VersionParams },
    responses: { 204: { description: "It may" }, ...refusals(400, 404, 408, 503) },
  });
  app.post(approve, async (c) => {
    await registry.approve(c.get("principal").actor, versionOf(c));
    return c.body(null, 204);
  });

  const deprecate = documentRoute(app, {
    method: "post",
    path: `${VERSION_PATH}/deprecate`,
    access: "handlers:promote",
    summary: "Keep a version from becoming active; with `undo=true`, no longer",
    request: { params: VersionParams, query: DeprecateQuery },
    responses: { 204: { description: "It is deprecated, or no longer" }, ...refusals(400, 404, 408, 503) },
  });
  app.post(deprecate, async (c) => {
    const { undo } = parseQuery("Cannot deprecate a version", DeprecateQuery, c.req.query());
    await registry.deprecate(c.get("principal").actor, versionOf(c), undo === "false");
    return c.body(null, 204);
  });

  const remove = documentRoute(app, {
    method: "delete",
    path: VERSION_PATH,
    access: "handlers:promote",
    summary: "Delete a version that no step can need any more",
    request: { params: VersionParams },
    responses: { 204: { description: "It is gone" }, ...refusals(400, 404, 408, 409, 503) },
  });
  app.delete(remove, async (c) => {
    await registry.delete(c.get("principal").actor, versionOf(c));
    return c.body(null, 204);
  });
}
