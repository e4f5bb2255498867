import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '#lib/config/config.ts';
import { BoxError } from '#lib/error/box-error.ts';

/** Where an appliance is and how to enter it: the names of `box env`, each an address or a key. */
export type Connection = Readonly<Record<string, string>>;

/** The file in which a running `npm start` says where it is. */
export const ENV_FILE = join('.box', 'env.json');

/**
 * The environment's variables, and below them what `.box/env.json` of the current folder says.
 *
 * @throws BoxError `invalid_argument` when that file is not a JSON object of text.
 */
export async function readConnection(env: Environment, folder: string): Promise<Connection> {
  const kept = await readEnvFile(join(folder, ENV_FILE));
  const named = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return { ...kept, ...Object.fromEntries(named) };
}

/** What `.box/env.json` holds; empty when there is no such file. */
export async function readEnvFile(path: string): Promise<Connection> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !Object.values(value).every((v) => typeof v === 'string')) {
    throw new BoxError('invalid_argument', `Cannot read ${path}: it must be a JSON object of text`);
  }
  return value as Connection;
}

/**
 * One address or key that a command needs.
 *
 * @throws BoxError `unavailable` that says how to come by it.
 */
export function required(connection: Connection, name: string): string {
  const value = connection[name];
  if (value) return value;
  throw new BoxError(
    'unavailable',
    `Cannot find the appliance: set ${name}, or run this in the folder of a running "npm start"`,
  );
}
