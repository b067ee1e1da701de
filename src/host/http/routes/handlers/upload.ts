import { z } from "@hono/zod-openapi";
import type { HonoRequest } from "hono";
import { TaskerError } from "../../../../core/errors/index.ts";
import type { Clock } from "../../../../core/clock.ts";
import { VERSION_RULE } from "../../../domain/names.ts";
import type { UploadedFiles } from "../../../registry/handler-registry.ts";
import type { AppDeps, UploadSettings } from "../../deps.ts";
import { answers, type App, documentRoute, refusals } from "../../document-route.ts";
import { requirePermissionOf } from "../../middleware/require-permission.ts";
import { parseQuery } from "../../parse-query.ts";
import { readBytes, textOf } from "../../read-body.ts";
import { UploadedSchema } from "../../schemas/handlers.ts";
import { checkedVersion, HandlerParams, handlerOf } from "./parameters.ts";

const MAP_RULE = "a whole number of bytes";

const Query = z.strictObject({
  version: z.string(VERSION_RULE).openapi({ example: "1.4.0" }),
  promote: z.enum(["true", "false"], "true or false").default("false"),
  source_map_bytes: z
    .string()
    .regex(/^\d{1,10}$/, MAP_RULE)
    .transform(Number)
    .default(0)
    .openapi({ type: "integer", description: "This many bytes at the end of the body are its source map" }),
});

const PATH = /^\/v1\/namespaces\/[^/]+\/handlers\/[^/]+\/versions$/;

/** Uploads may take longer than other requests: they bring more, and wait for the gate. */
export function isUpload({ method, path }: HonoRequest): boolean {
  return method === "POST" && PATH.test(path);
}

/** `POST /v1/namespaces/{namespace}/handlers/{name}/versions` */
export function uploadRoute(app: App, { registry, settings: { uploads }, clock }: AppDeps): void {
  const path = documentRoute(app, {
    method: "post",
    path: "/v1/namespaces/{namespace}/handlers/{name}/versions",
    access: "handlers:push",
    summary: "Upload a version of a handler",
    description:
      "The body is the component. It is checked, prepared and stored; a version never changes afterwards. The same bytes " +
      "again change nothing. `promote=true` makes it the active version, and asks for `handlers:promote` too. Where only " +
      "the promotion is refused, the version is stored, and the error's `details.stored` is what it is.",
    request: {
      params: HandlerParams,
      query: Query,
      body: { content: { "application/wasm": { schema: z.string().openapi({ format: "binary" }) } }, required: true },
    },
    responses: {
      200: answers("The version was there with the same bytes", UploadedSchema),
      201: answers("The version is stored", UploadedSchema),
      ...refusals(400, 408, 409, 413, 422, 503),
    },
  });
  app.post(path, async (c) => {
    const handler = handlerOf(c);
    const query = parseQuery("Cannot upload a handler", Query, c.req.query());
    const version = { ...handler, version: checkedVersion(query.version) };
    const promote = query.promote === "true";
    const principal = c.get("principal");
    // Before anything is read or stored.
    if (promote) requirePermissionOf(principal, "handlers:promote", "Cannot promote an upload");
    requireWasm(c.req.header("content-type"));
    const deadline = c.get("deadline");
    const read = (): Promise<UploadedFiles> => readFiles(c.req.raw, query.source_map_bytes, uploads, clock, deadline);
    const uploaded = await registry.upload(version, read, { actor: principal.actor, promote, signal: deadline });
    const { artifact, verdict, promotion } = uploaded;
    const created = verdict !== "known";
    if (created) c.header("location", `${c.req.path}/${version.version}`);
    return c.json(
      {
        ...version,
        digest: artifact.digest,
        size_bytes: uploaded.sizeBytes,
        callables: artifact.manifest.callables,
        created,
        promoted: promotion?.changed ?? false,
        replaced: promotion?.replaced ?? null,
      },
      created ? 201 : 200,
    );
  });
}

/** No page of another origin may send this type without asking first. @throws TSK_REQUEST_INVALID */
function requireWasm(contentType: string | undefined): void {
  const type = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/wasm") return;
  const found = type === "" ? "no content type" : `content type ${JSON.stringify(type.slice(0, 80))}`;
  const attempted = "Cannot read the upload";
  throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: '"application/wasm"' });
}

/**
 * The component, and the source map behind it.
 *
 * @throws TSK_REQUEST_COMPONENT_TOO_LARGE, TSK_REQUEST_SOURCE_MAP_TOO_LARGE, TSK_REQUEST_UPLOAD_TIMEOUT, TSK_REQUEST_INVALID
 */
async function readFiles(
  request: Request,
  sourceMapBytes: number,
  { maxComponentBytes, maxSourceMapBytes, bodySeconds }: UploadSettings,
  clock: Clock,
  deadline: AbortSignal,
): Promise<UploadedFiles> {
  const attempted = "Cannot read the upload";
  if (sourceMapBytes > maxSourceMapBytes) {
    const found = `a source map of ${sourceMapBytes} bytes`;
    const accepted = `at most ${maxSourceMapBytes} bytes`;
    throw new TaskerError("TSK_REQUEST_SOURCE_MAP_TOO_LARGE", { attempted, found, accepted });
  }
  const arrived = new AbortController();
  const tooSlow = new AbortController();
  const giveUp = async (): Promise<void> => {
    await clock.wait(bodySeconds * 1_000, arrived.signal);
    const found = `its body took longer than ${bodySeconds} s to arrive`;
    if (!arrived.signal.aborted) tooSlow.abort(new TaskerError("TSK_REQUEST_UPLOAD_TIMEOUT", { attempted, found }));
  };
  void giveUp();
  try {
    const signal = AbortSignal.any([deadline, tooSlow.signal]);
    const body = await readBytes(request, maxComponentBytes + sourceMapBytes, signal, () => {
      const found = `a component of more than ${maxComponentBytes} bytes`;
      const accepted = `at most ${maxComponentBytes} bytes`;
      return new TaskerError("TSK_REQUEST_COMPONENT_TOO_LARGE", { attempted, found, accepted });
    });
    return split(body, sourceMapBytes, attempted);
  } finally {
    arrived.abort();
  }
}

function split(body: Uint8Array<ArrayBuffer>, sourceMapBytes: number, attempted: string): UploadedFiles {
  const end = body.length - sourceMapBytes;
  if (end <= 0) {
    const found = `a body of ${body.length} bytes, ${sourceMapBytes} of them source map`;
    throw new TaskerError("TSK_REQUEST_INVALID", { attempted, found, accepted: "a component" });
  }
  const sourceMap = sourceMapBytes === 0 ? undefined : textOf(body.subarray(end));
  // A copy of its own: the body's memory goes.
  return { component: body.slice(0, end), sourceMap };
}
