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
  const value = tryParse(text);
  if (typeof value !== 'object' || value === null || !Object.values(value).every((v) => typeof v === 'string')) {
    throw new BoxError('invalid_argument', `Cannot read ${path}: it must be a JSON object of text`);
  }
  return value as Connection;
}

/** Undefined for what is no JSON. */
function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * The address of a part that a command calls by HTTP, without a slash at its end.
 *
 * @throws BoxError as `required` does; `invalid_argument` when it is no such address.
 */
export function requiredUrl(connection: Connection, name: string): string {
  const value = required(connection, name);
  if (!/^https?:$/.test(URL.parse(value)?.protocol ?? '')) {
    throw new BoxError(
      'invalid_argument',
      `Cannot use ${name}: it must be a URL of scheme http or https, got ${value}`,
    );
  }
  return value.replace(/\/+$/, '');
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
