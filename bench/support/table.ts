/** Lines of aligned columns, the first to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line), ""].join("\n");
}

/** Three decimals; `–` where there is no figure. */
export function figure(value: number | undefined): string {
  return value === undefined ? "–" : value.toFixed(3);
}

/** The row with the largest ratio. */
export function worstOf(rows: readonly { readonly name: string; readonly ratio: number }[]): {
  readonly name: string;
  readonly ratio: number;
} {
  const [worst] = rows.toSorted((a, b) => b.ratio - a.ratio);
  if (worst === undefined) throw new Error("no program was measured");
  return { name: worst.name, ratio: worst.ratio };
}
