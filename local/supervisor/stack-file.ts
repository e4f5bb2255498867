import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Environment } from '#lib/config/config.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';

/** A function as stack.yml declares it. */
export interface StackFunction {
  readonly name: string;
  /** The language template. */
  readonly lang: string;
  /** The folder of its handler, absolute. */
  readonly handler: string;
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The functions of an OpenFaaS stack file, in its order; `${NAME}` and `${NAME:-default}` in it are replaced from `env`.
 *
 * @throws BoxError `invalid_argument` when it is not such a file.
 */
export async function readStackFile(path: string, env: Environment): Promise<readonly StackFunction[]> {
  const stack: unknown = parse(substitute(await readFile(path, 'utf8'), env));
  const functions = isRecord(stack) ? stack.functions : undefined;
  if (!isRecord(functions)) throw invalid(path, 'it must have a mapping "functions"');
  return Object.entries(functions).map(([name, value]) => {
    if (!isRecord(value)) throw invalid(path, `functions.${name} must be a mapping`);
    return {
      name,
      lang: requiredText(path, name, value, 'lang'),
      handler: resolve(dirname(path), requiredText(path, name, value, 'handler')),
      image: requiredText(path, name, value, 'image'),
      environment: texts(value.environment),
      secrets: Array.isArray(value.secrets) ? value.secrets.map(String) : [],
      labels: texts(value.labels),
      annotations: texts(value.annotations),
    };
  });
}

function substitute(text: string, env: Environment): string {
  return text.replace(
    /\$\{(\w+)(?::?-([^}]*))?\}/g,
    (_whole, name: string, fallback?: string) => env[name] || (fallback ?? ''),
  );
}

function requiredText(path: string, name: string, value: Record<string, unknown>, member: string): string {
  const text = value[member];
  if (typeof text !== 'string' || text === '') throw invalid(path, `functions.${name}.${member} must be text`);
  return text;
}

function texts(value: unknown): Record<string, string> {
  return isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)])) : {};
}

function invalid(path: string, rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read ${path}: ${rule}`);
}
