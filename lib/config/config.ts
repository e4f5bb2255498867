import { BoxError, type Problem } from '../error/box-error.ts';

/** An environment: `process.env`, or an object in a test. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One variable: how its text becomes a value. `parse` throws an Error whose message says what is allowed. */
export interface Setting<T> {
  readonly variable: string;
  readonly doc: string;
  /** Value when the variable is unset or empty; without it the variable must be set. */
  readonly fallback?: T;
  readonly parse: (text: string) => T;
}

/** A setting of every type, so that a table of them can be walked. */
type Settings = Readonly<Record<string, Setting<unknown>>>;
type Values<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * Reads every setting from the environment, once.
 *
 * @throws BoxError `invalid_argument` that lists every variable that is missing or malformed.
 */
export function readConfig<S extends Settings>(settings: S, env: Environment): Values<S> {
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const text = env[setting.variable];
    if (text === undefined || text === '') {
      if ('fallback' in setting) values[name] = setting.fallback;
      else problems.push({ pointer: setting.variable, message: `must be set: ${setting.doc}` });
      continue;
    }
    try {
      values[name] = setting.parse(text);
    } catch (error) {
      problems.push({ pointer: setting.variable, message: error instanceof Error ? error.message : String(error) });
    }
  }
  if (problems.length > 0) {
    const list = problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
    throw new BoxError('invalid_argument', `Cannot read the configuration: ${list}`, { problems });
  }
  return values as Values<S>;
}

interface Described<T> {
  readonly doc: string;
  readonly fallback?: T;
}

function setting<T>(variable: string, described: Described<T>, parse: (text: string) => T): Setting<T> {
  return { variable, doc: described.doc, parse, ...('fallback' in described && { fallback: described.fallback }) };
}

/** Text as it is. */
export function text(variable: string, described: Described<string>): Setting<string> {
  return setting(variable, described, (value) => value);
}

/** Text, or undefined when unset. */
export function optionalText(variable: string, doc: string): Setting<string | undefined> {
  return { variable, doc, fallback: undefined, parse: (value) => value };
}

/** A whole number within bounds. */
export function integer(
  variable: string,
  described: Described<number> & { min: number; max: number },
): Setting<number> {
  return setting(variable, described, (value) => {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < described.min || number > described.max) {
      throw new Error(`must be a whole number from ${described.min} to ${described.max}, got ${JSON.stringify(value)}`);
    }
    return number;
  });
}

/** A URL of one of the schemes, without its trailing slash. */
export function url(variable: string, described: Described<string> & { schemes: readonly string[] }): Setting<string> {
  return setting(variable, described, (value) => {
    const scheme = URL.canParse(value) ? new URL(value).protocol.replace(':', '') : '';
    if (!described.schemes.includes(scheme)) {
      throw new Error(
        `must be a URL of scheme ${described.schemes.join(' or ')}, got ${JSON.stringify(withoutLogin(value))}`,
      );
    }
    return value.replace(/\/+$/, '');
  });
}

/** A password may stand before the host; whatever else is wrong with the text, that is not to be told. */
function withoutLogin(text: string): string {
  return text.replace(/^.*@/s, '…@');
}

/** A list separated by commas, without empty items. */
export function list(variable: string, described: Described<readonly string[]>): Setting<readonly string[]> {
  return setting(variable, described, (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
}

/** One of the given words. */
export function choice<T extends string>(variable: string, described: Described<T> & { of: readonly T[] }): Setting<T> {
  return setting(variable, described, (value) => {
    const found = described.of.find((word) => word === value);
    if (found === undefined) throw new Error(`must be one of ${described.of.join(', ')}, got ${JSON.stringify(value)}`);
    return found;
  });
}

/** `true` or `false`. */
export function flag(variable: string, described: Described<boolean>): Setting<boolean> {
  return setting(variable, described, (value) => {
    if (value !== 'true' && value !== 'false') throw new Error(`must be true or false, got ${JSON.stringify(value)}`);
    return value === 'true';
  });
}
