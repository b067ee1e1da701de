import type { App } from "../document-route.ts";

/** The document of all routes. */
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

/** `GET /openapi.json` */
export function openApiRoute(app: App, version: string): void {
  app.get("/openapi.json", (c) => c.json(openApiDocument(app, version)));
}
