/** Docker's columns: ten characters at least, three of them space, the last one not padded (docker/cli, formatter). */
const PADDING = 3;
const LEAST_WIDTH = 10;

/** A table as Docker prints it: headings in capitals, then the rows. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(LEAST_WIDTH, ...all.map((row) => (row[column] ?? '').length + PADDING)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('');
  return all.map((row) => `${line(row).trimEnd()}\n`).join('');
}
