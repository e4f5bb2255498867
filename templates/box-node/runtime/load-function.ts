import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBoxFunction } from './box-function.ts';
import type { RuntimeConfig } from './config.ts';
import type { Handler, LoadedFunction } from './contract.ts';
import { openfaasFunction } from './openfaas-function.ts';

/** The skeleton of a new function is a handler.js, and lies beside whatever handler replaces it: it is looked for last. */
const HANDLER_FILES = ['handler.ts', 'handler.mjs', 'handler.cjs', 'handler.js'];

/**
 * Loads the handler of `config.functionPath` and opens it, by whichever contract it was written for.
 * @throws Error if there is no handler, or none that can be called
 */
export async function loadFunction(config: RuntimeConfig, environment: NodeJS.ProcessEnv): Promise<LoadedFunction> {
  const folder = resolve(config.functionPath);
  const file = HANDLER_FILES.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (!file) throw new Error(`Cannot load the function: ${folder} must hold one of ${HANDLER_FILES.join(', ')}`);
  const exports: unknown = await import(pathToFileURL(file).href);
  const open = member(exports, 'open');
  if (isCallable(open)) return openBoxFunction(open, config, environment);
  const handler = findHandler(exports);
  if (handler) return openfaasFunction(handler, config);
  throw new Error(
    `Cannot load the function: ${file} must export open(), or a handler as its default or module.exports`,
  );
}

/** The default export; in CommonJS that a compiler made of ESM, it is the default of the default. */
function findHandler(exports: unknown): Handler | undefined {
  const first = member(exports, 'default');
  const second = member(first, 'default');
  return [first, second].find(isCallable);
}

function member(value: unknown, name: string): unknown {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject ? Reflect.get(value, name) : undefined;
}

function isCallable(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function';
}
