import { createHash } from 'node:crypto';
import type { Scenario } from './scenario.ts';

const MAX_SLUG_LENGTH = 64;

/** Letters that Unicode does not take apart into an ASCII letter and a mark. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ı: 'i',
};

/** The id of a scenario: its `_id`, else a slug of its name. */
export function scenarioIdOf(scenario: Scenario): string {
  return scenario._id ?? slugOf(scenario.scenario_name);
}

/**
 * A name in ASCII, lower case, its words joined by dashes. A name that is longer than that may be, or of a script
 * without ASCII letters, is told apart by a few digits of its hash.
 */
export function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[ßæœøđðłþı]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (slug !== '' && slug.length <= MAX_SLUG_LENGTH) return slug;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${slug.slice(0, MAX_SLUG_LENGTH - 9).replace(/-$/, '') || 'scenario'}-${hash}`;
}

/** The next revision of a scenario, `<number>-<hash>`. The time makes it differ from all that a removed scenario of the same id had. */
export function nextRev(scenario: Scenario, at: string, previous: string | undefined): string {
  const number = previous === undefined ? 1 : revNumber(previous) + 1;
  const hash = createHash('sha256')
    .update(`${at} ${JSON.stringify(scenario)}`)
    .digest('hex')
    .slice(0, 12);
  return `${number}-${hash}`;
}

/** The number that a revision begins with: how often the scenario was put. */
export function revNumber(rev: string): number {
  return Number.parseInt(rev, 10);
}
