/**
 * The OpenAPI document as a page to read: no scripts, nothing fetched, one style that the content security policy names by
 * its hash.
 */
import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import { z } from "@hono/zod-openapi";

/** What the page shows of the document; what else is in it is left out. */
const ParameterView = z.object({
  name: z.string(),
  in: z.string(),
  required: z.boolean().default(false),
  schema: z.unknown(),
});
const ContentView = z.record(z.string(), z.object({ schema: z.unknown() }));
const OperationView = z.object({
  summary: z.string().default(""),
  description: z.string().default(""),
  "x-tasker-permission": z.string().default("public"),
  parameters: z.array(ParameterView).default([]),
  requestBody: z.object({ content: ContentView }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: ContentView.optional() })),
});
const DocumentView = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string().default("") }),
  paths: z.record(z.string(), z.record(z.string(), OperationView)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()).default({}) }).default({ schemas: {} }),
});

type Operation = z.infer<typeof OperationView>;
type Html = ReturnType<typeof html>;

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
code, pre { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { padding: .75rem; overflow-x: auto; background: color-mix(in srgb, currentColor 8%, transparent) }
section { margin: 2.5rem 0; border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent) }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0 }
.method { font-weight: 700; text-transform: uppercase }
.access { opacity: .75 }
`;

/** In one piece: a formatter's blanks inside the element would be others than those of the hash. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`);

/** For the page's `Content-Security-Policy`: nothing but its own style. */
export const API_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The page of an OpenAPI document. */
export async function apiPage(openApiDocument: unknown): Promise<string> {
  const { info, paths, components } = DocumentView.parse(openApiDocument);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${info.title} ${info.version}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <h1>${info.title} ${info.version}</h1>
        <p>${info.description} The same for programs: <a href="/openapi.json">/openapi.json</a></p>
        <ul>
          ${operations.map(({ path, method, operation }) => contentsLine(path, method, operation))}
        </ul>
        ${operations.map(({ path, method, operation }) => operationSection(path, method, operation))}
        <section>
          <h2>Schemas</h2>
          ${Object.entries(components.schemas).map(([name, schema]) => schemaSection(name, schema))}
        </section>
      </body>
    </html>`;
  return String(page);
}

function contentsLine(path: string, method: string, { summary }: Operation): Html {
  return html`<li>
    <a href="#${anchorOf(path, method)}"
      ><code><span class="method">${method}</span> ${path}</code></a
    >
    ${summary}
  </li>`;
}

function operationSection(path: string, method: string, operation: Operation): Html {
  const permission = operation["x-tasker-permission"];
  return html`<section id="${anchorOf(path, method)}">
    <h2>
      <code><span class="method">${method}</span> ${path}</code>
    </h2>
    <p>${operation.summary}. ${operation.description}</p>
    <p class="access">
      ${permission === "public" ? "For everybody who reaches the port." : html`Needs the permission <code>${permission}</code>.`}
    </p>
    ${operation.parameters.length === 0 ? "" : parameterTable(operation)}
    ${
      operation.requestBody === undefined
        ? ""
        : html`<h3>Body</h3>
            ${contents(operation.requestBody.content)}`
    }
    <h3>Answers</h3>
    <table>
      ${Object.entries(operation.responses).map(
        ([status, { description, content = {} }]) =>
          html`<tr>
            <td><code>${status}</code></td>
            <td>${description}${contents(content)}</td>
          </tr>`,
      )}
    </table>
  </section>`;
}

function parameterTable({ parameters }: Operation): Html {
  return html`<h3>Parameters</h3>
    <table>
      ${parameters.map(
        ({ name, in: place, required, schema }) =>
          html`<tr>
            <td><code>${name}</code></td>
            <td>${place}${required ? ", required" : ""}</td>
            <td>${schemaText(schema)}</td>
          </tr>`,
      )}
    </table>`;
}

function contents(content: z.infer<typeof ContentView>): Html[] {
  return Object.entries(content).map(([type, { schema }]) => html` <code>${type}</code> ${schemaText(schema)}`);
}

function schemaSection(name: string, schema: unknown): Html {
  return html`<h3 id="schema-${name}"><code>${name}</code></h3>
    <pre>${JSON.stringify(schema, null, 2)}</pre>`;
}

/** A link where the schema has a name, else the schema itself. */
function schemaText(schema: unknown): Html {
  const reference = z.object({ $ref: z.string().startsWith("#/components/schemas/") }).safeParse(schema);
  if (!reference.success) return html`<code>${JSON.stringify(schema)}</code>`;
  const name = reference.data.$ref.slice(reference.data.$ref.lastIndexOf("/") + 1);
  return html`<a href="#schema-${name}"><code>${name}</code></a>`;
}

function anchorOf(path: string, method: string): string {
  return `${method}${path.replaceAll(/[^A-Za-z0-9]+/g, "-")}`;
}
