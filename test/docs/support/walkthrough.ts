/** One fenced block of a page that leads through commands; text and other blocks are for readers alone. */
export type Block =
  | {
      readonly kind: "console";
      /** "" or the word behind `console`: which terminal. */
      readonly terminal: string;
      readonly entries: readonly ConsoleEntry[];
    }
  | { readonly kind: "diff"; readonly patch: string };

/** A command with what it prints; without one, what the running command prints next. `^C` interrupts it. */
export interface ConsoleEntry {
  readonly command: string | undefined;
  readonly expected: readonly string[];
}

/** Of a page, the blocks below the heading `## title`. @throws Error where there is no such heading or no block. */
export function blocksBelow(page: string, title: string): readonly Block[] {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`the page has no section "${title}"`);
  const blocks = [...section.matchAll(/^```(console|diff)(?: (\w+))?\n([\s\S]*?)^```$/gm)].map(
    ([, kind, terminal = "", text = ""]): Block =>
      kind === "diff" ? { kind, patch: text } : { kind: "console", terminal, entries: entriesOf(text) },
  );
  if (blocks.length === 0) throw new Error(`section "${title}" has nothing to run`);
  return blocks;
}

function entriesOf(text: string): readonly ConsoleEntry[] {
  const entries: { command: string | undefined; expected: string[] }[] = [];
  for (const line of text.trimEnd().split("\n")) {
    if (line.startsWith("$ ")) entries.push({ command: line.slice(2), expected: [] });
    else if (line === "^C") entries.push({ command: line, expected: [] });
    else {
      if (entries.length === 0) entries.push({ command: undefined, expected: [] });
      entries.at(-1)?.expected.push(line);
    }
  }
  return entries;
}

/** What lines a page shows stand for: `…` for anything in a line, a line of `…` alone for any number of lines. */
export function patternOf(lines: readonly string[]): string {
  return lines
    .map((line) =>
      line === "…"
        ? "(?:[^\\n]*\\n)*?"
        : `${line
            .split("…")
            .map((text) => RegExp.escape(text))
            .join("[^\\n]*")}\\n`,
    )
    .join("");
}
