import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A picture of a handwritten digit and which one it is. */
export interface DigitImage {
  readonly label: string;
  readonly png: Buffer;
}

/** The test images of examples/digits, the ten digits in turn, so that any run of ten has them all. */
export async function readDigitImages(folder: string): Promise<readonly DigitImage[]> {
  const labels = (await readdir(folder)).sort();
  const columns = await Promise.all(labels.map((label) => readLabel(join(folder, label), label)));
  const longest = Math.max(...columns.map((column) => column.length));
  return Array.from({ length: longest }, (_, row) => columns.flatMap((column) => column.slice(row, row + 1))).flat();
}

async function readLabel(folder: string, label: string): Promise<DigitImage[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.png')).sort();
  return Promise.all(names.map(async (name) => ({ label, png: await readFile(join(folder, name)) })));
}
