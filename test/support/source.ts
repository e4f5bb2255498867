import type { Source, SourceRecord } from '#lib/source/source.ts';
import { makeToken } from '#lib/source/token.ts';

const AT = '2026-11-21T12:00:00.000Z';

/** A source as it is kept, and its token when it has one. */
export function sourceRecord(id: string, source: Source = {}, rev = '1-a'): SourceRecord {
  return { id, rev, source: { ...source, _id: id }, createdAt: AT, updatedAt: AT };
}

export function withToken(record: SourceRecord): { readonly record: SourceRecord; readonly token: string } {
  const { token, kept } = makeToken(new Date());
  return { record: { ...record, token: kept }, token };
}
