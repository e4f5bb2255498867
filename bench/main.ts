/** `npm run bench -- NAME`: measures, side by side in one run, what figures are given for. Nothing here passes or fails. */
import { readdir } from 'node:fs/promises';

interface Bench {
  /** What is measured, in a line. */
  readonly about: string;
  /** Measures and prints. */
  run(args: readonly string[]): Promise<void>;
}

const FOLDER = new URL('.', import.meta.url);

async function names(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
    .map((file) => file.replace('.ts', ''))
    .sort();
}

async function load(name: string): Promise<Bench> {
  return (await import(new URL(`${name}.ts`, FOLDER).href)) as Bench;
}

const [name, ...args] = process.argv.slice(2);
const known = await names();
if (name === undefined || !known.includes(name)) {
  if (name !== undefined) console.error(`There is no bench ${name}.`);
  for (const each of known) console.log(`npm run bench -- ${each.padEnd(12)} ${(await load(each)).about}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  await (await load(name)).run(args);
}
