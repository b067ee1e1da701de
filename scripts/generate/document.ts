/** A document that is written by a program: the source of truth is in the code, `npm run generate` brings it up to date. */
export interface GeneratedDocument {
  /** Below the repository's root. */
  readonly path: string;
  /** Its text; formatting is left to the formatter. */
  readonly text: () => string;
}

/** The line under a document's title that keeps people from editing it. */
export function generatedFrom(source: string): string {
  return `<!-- Generated from ${source} by \`npm run generate\`. -->`;
}

/** A Markdown table; `|` in cells is escaped. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}
