import { BoxError } from '#lib/error/box-error.ts';
import { parseJson } from '#lib/function/route.ts';
import { isRecord, parseObject } from '#lib/json/json-object.ts';

/** What a request to load a model may bring along, as Triton's model repository extension defines it. */
export interface LoadParameters {
  /** A model configuration in place of the model's own. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Files in place of the repository's, by version and name; empty: the repository's are loaded. */
  readonly files: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
}

const FILE = /^file:([1-9]\d{0,8})\/(.+)$/;
/** Together with a length of whole fours; groups of four in the expression itself take too much of its stack for a model. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads the body of a request to load a model; undefined when it brings nothing.
 *
 * @throws BoxError `invalid_argument` for a parameter that is not known or malformed, and for files without a config
 */
export function readLoadParameters(body: Buffer): LoadParameters | undefined {
  const document = body.length === 0 ? {} : parseJson(body);
  const parameters = isRecord(document) ? (document.parameters ?? {}) : undefined;
  if (!isRecord(parameters)) throw invalid('the body must be { "parameters": { … } }');
  if (Object.keys(parameters).length === 0) return undefined;
  const files = new Map<string, Map<string, Buffer>>();
  for (const [name, value] of Object.entries(parameters)) {
    if (name === 'config') continue;
    const [, version, path] = FILE.exec(name) ?? [];
    if (version === undefined || path === undefined) {
      throw invalid(`its parameters are config and file:VERSION/NAME, got ${JSON.stringify(name)}`);
    }
    const named = files.get(version) ?? new Map<string, Buffer>();
    files.set(version, named.set(readPath(path), readBytes(name, value)));
  }
  if (parameters.config === undefined) throw invalid('files must come with a config, "{}" at least');
  return { config: readConfig(parameters.config), files };
}

function readConfig(value: unknown): Readonly<Record<string, unknown>> {
  const config = typeof value === 'string' ? parseObject(value) : undefined;
  if (config === undefined) throw invalid('the parameter config must be a JSON object as text');
  return config;
}

/** A path within the version's folder, and nowhere else. */
function readPath(path: string): string {
  const parts = path.split(/[/\\]/);
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw invalid(`a file must lie in the folder of its version, got ${JSON.stringify(path)}`);
  }
  return parts.join('/');
}

function readBytes(name: string, value: unknown): Buffer {
  if (typeof value === 'string' && value.length % 4 === 0 && BASE64.test(value)) return Buffer.from(value, 'base64');
  throw invalid(`the parameter ${JSON.stringify(name)} must be base64`);
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot load model: ${rule}`);
}
