import { ERROR_CATALOGUE, type ErrorEntry } from "../../src/core/errors/index.ts";
import { generatedFrom, type GeneratedDocument, markdownTable } from "./document.ts";

export const errorsDocument: GeneratedDocument = {
  path: "docs/errors.md",
  text: () => `# Errors

${generatedFrom("`src/core/errors/`")}

Every error has a code that stays: in logs, in the API (\`error.tsk_code\`), in what commands print, and as \`error_code\` of step
results. Messages say what was attempted, what was found and what would have been accepted; they are for people and may change.

*Whose* says who can mend it: \`user\` is whoever sent the request, wrote the template or set the key; \`guest\` is the handler's
author; \`system\` is the host or what it stands on.

${areas()
  .map(([area, codes]) => `## \`TSK_${area}_…\`\n\n${areaTable(codes)}`)
  .join("\n\n")}
`,
};

type Entry = readonly [code: string, entry: ErrorEntry];

function areas(): readonly (readonly [area: string, codes: readonly Entry[]])[] {
  const entries: Entry[] = Object.entries(ERROR_CATALOGUE);
  const byArea = Map.groupBy(entries, ([code]) => code.split("_")[1] ?? "");
  return [...byArea].sort(([a], [b]) => a.localeCompare(b));
}

function areaTable(codes: readonly Entry[]): string {
  const rows = codes.map(([code, { summary, fault, httpStatus, remedy }]) => [
    `\`${code}\``,
    summary,
    `\`${fault}\``,
    String(httpStatus),
    remedy,
  ]);
  return markdownTable(["code", "meaning", "whose", "HTTP", "what to do"], rows);
}
