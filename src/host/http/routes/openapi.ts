import { z } from "@hono/zod-openapi";
import { API_PAGE_POLICY, apiPage } from "../api-page.ts";
import { type App, documentRoute } from "../document-route.ts";

/** `GET /openapi.json`, and `GET /docs`: the same as a page. They tell of the product, not of what this host has in it. */
export function openApiRoutes(app: App, version: string): void {
  const json = documentRoute(app, {
    method: "get",
    path: "/openapi.json",
    access: "public",
    summary: "This description of the API, for programs",
    responses: { 200: { description: "The document", content: { "application/json": { schema: z.unknown() } } } },
  });
  app.get(json, (c) => c.json(openApiDocument(app, version)));

  const page = documentRoute(app, {
    method: "get",
    path: "/docs",
    access: "public",
    summary: "This description of the API, as a page",
    responses: { 200: { description: "The page", content: { "text/html": { schema: z.string() } } } },
  });
  app.get(page, async (c) =>
    c.html(await apiPage(openApiDocument(app, version)), 200, { "content-security-policy": API_PAGE_POLICY }),
  );
}

function openApiDocument(app: App, version: string) {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "tasker-host",
      version,
      description: "Submits workflow tasks and shows what became of them. Errors are explained in docs/errors.md.",
    },
  });
}
