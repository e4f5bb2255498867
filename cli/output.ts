/** How a command tells its result: for people as text, with `--json` as one JSON document. */
export interface Output {
  readonly json: boolean;
  /** The result itself, on standard output. */
  result(value: unknown, text: string): void;
  /** One of many results, as they come: a JSON document a line with `--json`. */
  item(value: unknown, text: string): void;
  /** What is said about the work, on standard error. */
  note(text: string): void;
}

export function openOutput(json: boolean, out: NodeJS.WritableStream, err: NodeJS.WritableStream): Output {
  return {
    json,
    result(value, text) {
      out.write(json ? `${JSON.stringify(value, null, 2)}\n` : text === '' ? '' : `${text}\n`);
    },
    item(value, text) {
      out.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
    },
    note(text) {
      err.write(`${text}\n`);
    },
  };
}

/** Rows as a table with aligned columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}
