import type { Problem } from '../error/box-error.ts';
import { isRecord } from '../json/json-object.ts';
import { pointerToken } from '../scenario/json-limits.ts';
import { nearestName } from '../scenario/schema-problems.ts';

export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/**
 * A value that somebody wrote into a scenario, with its place. Each reader returns what it read, or notes a problem and
 * returns undefined, so that one pass finds every problem.
 */
export class Given {
  readonly value: unknown;
  readonly pointer: string;
  readonly #problems: Problem[];

  constructor(value: unknown, pointer: string, problems: Problem[]) {
    this.value = value;
    this.pointer = pointer;
    this.#problems = problems;
  }

  /** Notes a problem of this value. `rule` says what it must be. */
  refuse(rule: string): undefined {
    this.note(`${rule}, got ${shown(this.value)}`);
  }

  /** Notes a problem in its own words. */
  note(message: string): undefined {
    this.#problems.push({ pointer: this.pointer, message });
  }

  /** A value below this one. */
  child(key: string | number, value: unknown): Given {
    return new Given(value, `${this.pointer}/${pointerToken(String(key))}`, this.#problems);
  }

  /** The same place with another value: text that was parsed. */
  holding(value: unknown): Given {
    return new Given(value, this.pointer, this.#problems);
  }

  /** The keys of an object; none of anything else. */
  keys(): string[] {
    return isRecord(this.value) ? Object.keys(this.value) : [];
  }

  /** One field of an object; undefined when it is not there. */
  field(name: string): Given | undefined {
    const { value } = this;
    return isRecord(value) && Object.hasOwn(value, name) ? this.child(name, value[name]) : undefined;
  }

  /** The same object with these of its fields only. */
  only(names: readonly string[]): Given {
    const { value } = this;
    return this.holding(isRecord(value) ? Object.fromEntries(names.map((name) => [name, value[name]])) : value);
  }

  number({ min = -Number.MAX_VALUE, max = Number.MAX_VALUE }: Bounds = {}): number | undefined {
    const { value } = this;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    return this.refuse(`must be a number${boundsText(min, max)}`);
  }

  integer({ min, max }: { min: number; max: number }): number | undefined {
    const { value } = this;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.refuse(`must be a whole number from ${min} to ${max}`);
  }

  choice<T extends string>(of: readonly T[]): T | undefined {
    const found = of.find((word) => word === this.value);
    return found ?? this.refuse(`must be one of ${of.join(', ')}`);
  }

  flag(): boolean | undefined {
    return typeof this.value === 'boolean' ? this.value : this.refuse('must be true or false');
  }

  text(maxLength = 1000): string | undefined {
    const { value } = this;
    if (typeof value === 'string' && value !== '' && value.length <= maxLength) return value;
    return this.refuse(`must be text of 1 to ${maxLength} characters`);
  }

  list({ min, max }: { min: number; max: number }): Given[] | undefined {
    const { value } = this;
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      return this.refuse(min === max ? `must be a list of ${min}` : `must be a list of ${min} to ${max} entries`);
    }
    return value.map((item, index) => this.child(index, item));
  }

  /** A list of numbers, or one number as a list of one. */
  numbers(bounds: Bounds = {}, maxLength = 4096): number[] | undefined {
    if (!Array.isArray(this.value)) {
      const one = this.number(bounds);
      return one === undefined ? undefined : [one];
    }
    const items = this.list({ min: 1, max: maxLength });
    const read = items?.map((item) => item.number(bounds));
    return read?.every((item) => item !== undefined) ? read : undefined;
  }

  /** The fields of an object that may have these and no others. */
  fields<K extends string>(names: readonly K[]): { readonly [Name in K]?: Given } | undefined {
    const { value } = this;
    if (!isRecord(value)) return this.refuse('must be an object');
    const fields: { [Name in K]?: Given } = {};
    for (const [key, item] of Object.entries(value)) {
      const name = names.find((candidate) => candidate === key);
      if (name === undefined) this.child(key, item).note(unknownName(key, names));
      else fields[name] = this.child(key, item);
    }
    return fields;
  }
}

/** What is said of a name that is not among the allowed ones. */
export function unknownName(name: string, allowed: readonly string[]): string {
  const nearest = nearestName(name, allowed);
  return `is not known here: ${nearest === undefined ? `allowed are ${allowed.join(', ')}` : `did you mean ${nearest}?`}`;
}

function boundsText(min: number, max: number): string {
  if (min !== -Number.MAX_VALUE && max !== Number.MAX_VALUE) return ` from ${min} to ${max}`;
  if (min !== -Number.MAX_VALUE) return ` from ${min}`;
  return max === Number.MAX_VALUE ? '' : ` up to ${max}`;
}

/** A value in a few words, for an error: never a whole payload. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isRecord(value)) return 'an object';
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
