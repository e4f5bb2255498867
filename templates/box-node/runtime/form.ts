import { RequestProblem } from './problem.ts';

const MAX_FIELDS = 1_000;
const MAX_DEPTH = 32;
const MAX_INDEX = 100;

type FormValue = string | FormList | FormObject;
type FormList = FormValue[];
interface FormObject {
  [key: string]: FormValue;
}

/**
 * A body of type application/x-www-form-urlencoded with nested names, as the official templates parse it:
 * `a[b]=1` is `{ a: { b: '1' } }`, `a[]=1&a[]=2` and `a=1&a=2` are `{ a: ['1', '2'] }`.
 * @throws RequestProblem for more than 1,000 fields or names nested deeper than 32
 */
export function parseForm(text: string): FormObject {
  const form: FormObject = {};
  let fields = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    fields += 1;
    if (fields > MAX_FIELDS) {
      throw new RequestProblem(413, 'too_large', `Cannot take the form: it may have at most ${MAX_FIELDS} fields`);
    }
    const path = splitName(name);
    // Such a name would reach the prototype that all objects share.
    if (!path.includes('__proto__')) put(form, path, value);
  }
  return form;
}

/** `a[b][]` as `['a', 'b', '']`. A name whose brackets do not match is taken as it stands. */
function splitName(name: string): string[] {
  const open = name.indexOf('[');
  if (open < 1 || !name.endsWith(']') || name.lastIndexOf(']', open) !== -1) return [name];
  const keys = [name.slice(0, open)];
  for (let at = open; at < name.length; ) {
    const end = name.indexOf(']', at);
    const key = name.slice(at + 1, end);
    if (name[at] !== '[' || key.includes('[')) return [name];
    keys.push(key);
    // Before the rest is looked at: a name of megabytes would take half a minute.
    if (keys.length > MAX_DEPTH + 1) throw tooDeep();
    at = end + 1;
  }
  return keys;
}

function tooDeep(): RequestProblem {
  return new RequestProblem(400, 'invalid_argument', `Cannot take the form: names may nest ${MAX_DEPTH} deep at most`);
}

function put(target: FormObject | FormList, [key = '', ...rest]: string[], value: string): void {
  const [next] = rest;
  const old = entry(target, key);
  if (next === undefined) {
    assign(target, key, old === undefined ? value : [...asList(old), value]);
    return;
  }
  const isList = next === '' || (isIndex(next) && (old === undefined || Array.isArray(old)));
  const branch = old === undefined ? (isList ? [] : {}) : asBranch(old, isList);
  if (branch !== old) assign(target, key, branch);
  put(branch, rest, value);
}

function entry(target: FormObject | FormList, key: string): FormValue | undefined {
  if (Array.isArray(target)) return key === '' ? undefined : target[Number(key)];
  return Object.hasOwn(target, key) ? target[key] : undefined;
}

function assign(target: FormObject | FormList, key: string, value: FormValue): void {
  if (!Array.isArray(target)) target[key] = value;
  else if (key === '' || Number(key) > target.length) target.push(value);
  else target[Number(key)] = value;
}

/** A value that gets parts of its own: a list stays one for numbered parts, else its items become numbered members. */
function asBranch(value: FormValue, isList: boolean): FormObject | FormList {
  if (typeof value === 'string') return isList ? [value] : { 0: value };
  if (Array.isArray(value) && !isList) return { ...value };
  return value;
}

function asList(value: FormValue): FormList {
  return Array.isArray(value) ? value : [value];
}

function isIndex(key: string): boolean {
  return /^\d{1,3}$/.test(key) && Number(key) <= MAX_INDEX;
}
