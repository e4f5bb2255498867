import { JSONPathEnvironment, JSONPathError, type JSONPathQuery } from 'json-p3';
import { errorText } from '../error/box-error.ts';
import type { Given } from './given.ts';
import { fault } from './value.ts';

/** What a path finds: undefined when there is nothing. */
export type JsonGetter = (json: unknown) => unknown;

export interface JsonPath {
  readonly get: JsonGetter;
  /** Whether the path begins with the name of a field: on a list it finds nothing. */
  readonly takesField: boolean;
}

const environment = new JSONPathEnvironment();
// Both run a regular expression out of the scenario over text out of the signal: unbounded backtracking.
environment.functionRegister.delete('match');
environment.functionRegister.delete('search');

/**
 * Compiles a JSONPath (RFC 9535). A path that names one place gives what is there; one with wildcards, slices or
 * filters gives the list of what it finds.
 */
export function compileJsonPath(given: Given): JsonPath | undefined {
  const text = given.text();
  if (text === undefined) return undefined;
  let query: JSONPathQuery;
  try {
    query = environment.compile(text);
  } catch (error) {
    return given.refuse(`must be a JSONPath (RFC 9535; ${errorText(error)})`);
  }
  if (query.singularQuery()) {
    const steps = singularSteps(query);
    return { get: getterOf(steps), takesField: typeof steps[0] === 'string' };
  }
  const first = query.segments[0]?.selectors ?? [];
  return {
    takesField: first.every((selector) => 'name' in selector) && !query.toString().startsWith('$..'),
    get(json) {
      const found = isContainer(json) ? search(query, json) : [];
      return found.length === 0 ? undefined : found;
    },
  };
}

function search(query: JSONPathQuery, json: Record<string, unknown>): readonly unknown[] {
  try {
    return query.query(json as never).values();
  } catch (error) {
    if (!(error instanceof JSONPathError)) throw error;
    throw fault(`must be found in the signal (${errorText(error)})`);
  }
}

/** The names and indexes of a singular query: at twenty times the library's speed, and most paths are such. */
function singularSteps(query: JSONPathQuery): (string | number)[] {
  return query.segments.map((segment) => {
    const [selector] = segment.selectors;
    if (selector !== undefined && 'name' in selector && typeof selector.name === 'string') return selector.name;
    if (selector !== undefined && 'index' in selector && typeof selector.index === 'number') return selector.index;
    throw new Error(`a singular query consists of names and indexes: ${query.toString()}`);
  });
}

/** The field of a JSON object with a name; where there is none and the name has dots, the field of a field. */
export function fieldOf(json: unknown, name: string): unknown {
  const own = memberOf(json, name);
  return own === undefined && name.includes('.') ? getterOf(name.split('.'))(json) : own;
}

/** Follows names and indexes (from the end where negative) down own properties only. */
function getterOf(steps: readonly (string | number)[]): JsonGetter {
  const [first] = steps;
  if (steps.length === 1 && typeof first === 'string') return (json) => memberOf(json, first);
  return (json) => {
    let value = json;
    for (const step of steps) {
      value = typeof step === 'string' ? memberOf(value, step) : Array.isArray(value) ? value.at(step) : undefined;
      if (value === undefined) return undefined;
    }
    return value;
  };
}

function memberOf(json: unknown, name: string): unknown {
  if (!isContainer(json) || Array.isArray(json) || !Object.hasOwn(json, name)) return undefined;
  return json[name];
}

function isContainer(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null;
}
