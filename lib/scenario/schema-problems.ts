import type { ErrorObject } from 'ajv';
import type { Problem } from '../error/box-error.ts';
import { pointerToken } from './json-limits.ts';

/** What the validator found in a document of this kind, in plain words: one problem per place, each with its JSON pointer. */
export function schemaProblems(errors: readonly ErrorObject[], kind = 'scenario'): Problem[] {
  return errors.map((error) => ({ pointer: pointerOf(error), message: messageOf(error, kind) }));
}

function pointerOf(error: ErrorObject): string {
  const { missingProperty, additionalProperty } = error.params as Record<string, unknown>;
  const key = missingProperty ?? additionalProperty;
  return typeof key === 'string' ? `${error.instancePath}/${pointerToken(key)}` : error.instancePath;
}

function messageOf(error: ErrorObject, kind: string): string {
  const { params } = error;
  const got = show(error.data);
  switch (error.keyword) {
    case 'required':
      return 'must be given';
    case 'additionalProperties':
      return unknownField(String(params.additionalProperty), allowedFields(error), kind);
    case 'type':
      return `must be ${typeWords(params.type)}, got ${got}`;
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}, got ${got}`;
    case 'pattern':
      return `${error.parentSchema?.['x-rule'] ?? `must match ${params.pattern}`}, got ${got}`;
    case 'minLength':
      return `must not be empty, got ${got}`;
    case 'maxLength':
      return `must be at most ${params.limit} characters long, got ${String(error.data).length}`;
    case 'maxItems':
      return `must hold at most ${params.limit} entries, got ${Array.isArray(error.data) ? error.data.length : got}`;
    case 'minimum':
    case 'maximum':
      return `must be a whole number ${error.keyword === 'minimum' ? 'from' : 'up to'} ${params.limit}, got ${got}`;
    default:
      return `${error.message ?? 'is not valid'}, got ${got}`;
  }
}

function allowedFields(error: ErrorObject): string[] {
  return Object.keys((error.parentSchema?.properties ?? {}) as object);
}

function unknownField(name: string, allowed: readonly string[], kind: string): string {
  const nearest = nearestName(name, allowed);
  const hint = nearest === undefined ? `allowed are ${allowed.join(', ')}` : `did you mean ${nearest}?`;
  return `is not a field of the ${kind} format: ${hint}`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
};

function typeWords(types: unknown): string {
  const names = (Array.isArray(types) ? types : [types]).map((type) => TYPE_WORDS[String(type)] ?? String(type));
  return names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The allowed name that was probably meant: at most a third of its letters differ. Undefined when none is near. */
export function nearestName(name: string, allowed: readonly string[]): string | undefined {
  if (name.length > 100) return undefined;
  const near = allowed
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length / 3))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
