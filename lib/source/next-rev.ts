import { createHash } from 'node:crypto';
import { revNumber } from '../scenario/scenario-id.ts';
import type { Source } from './source.ts';

/** The next revision of a source, `<number>-<hash>`, as scenarios have them. */
export function nextSourceRev(source: Source, at: string, previous: string | undefined): string {
  const number = previous === undefined ? 1 : revNumber(previous) + 1;
  const hash = createHash('sha256')
    .update(`${at} ${JSON.stringify(source)}`)
    .digest('hex')
    .slice(0, 12);
  return `${number}-${hash}`;
}
