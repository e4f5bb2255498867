import type { Quarantined } from '#lib/bus/quarantine.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { type FunctionRequest, type FunctionResponse, jsonBody, queryText, type Route } from '#lib/function/route.ts';
import { SOURCE_RECORD_CONTENT_TYPE, type SourceRecord } from '#lib/source/source.ts';
import type { BusOnDemand } from './bus-on-demand.ts';
import { etagOf, isFresh, preconditionOf } from './precondition.ts';
import { type Seen, sourceView, strangerView } from './source-view.ts';
import type { PutSource, Sources } from './sources.ts';

export interface SourceRouteParts {
  readonly sources: Sources;
  readonly bus: Pick<BusOnDemand, 'quarantine' | 'tallies'>;
  readonly maxBytes: number;
}

/** The routes below `/source`. */
export function sourceRoutes({ sources, bus, maxBytes }: SourceRouteParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/source',
      async handle() {
        const [records, seen] = await Promise.all([sources.list(), seenOf(bus)]);
        const known = records.map((record) => sourceView(record, seen, Date.now()));
        return { status: 200, body: [...known, ...strangers(records, seen.quarantine)] };
      },
    },
    {
      method: 'GET',
      path: '/source/:id',
      async handle(request) {
        const record = await sources.get(idOf(request));
        if (wantsRecord(request)) return recordAnswer(record);
        if (isFresh(request, record)) return { status: 304, headers: { etag: etagOf(record.rev) } };
        const body = sourceView(record, await seenOf(bus), Date.now());
        return { status: 200, headers: { etag: etagOf(record.rev), vary: 'Accept' }, body };
      },
    },
    {
      method: 'PUT',
      path: '/source/:id',
      async handle(request) {
        const id = idOf(request);
        const value = withId(readBody(request, maxBytes), id);
        return putAnswer(await sources.put(id, value, wantsToken(request), preconditionOf(request, 'source')));
      },
    },
    {
      method: 'DELETE',
      path: '/source/:id',
      async handle(request) {
        await sources.remove(idOf(request), preconditionOf(request, 'source'));
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/source/:id/token',
      handle: async (request) => putAnswer(await sources.rotate(idOf(request), preconditionOf(request, 'source'))),
    },
    {
      method: 'POST',
      path: '/source/:id/release',
      async handle(request) {
        const { released, made } = await sources.release(idOf(request));
        return { status: 200, body: { _id: idOf(request), released, known: true, made: made !== undefined } };
      },
    },
    {
      method: 'DELETE',
      path: '/source/:id/quarantine',
      async handle(request) {
        return { status: 200, body: { _id: idOf(request), dropped: await sources.drop(idOf(request)) } };
      },
    },
  ];
}

async function seenOf(bus: SourceRouteParts['bus']): Promise<Seen> {
  try {
    const quarantine = await bus.quarantine();
    const [tallies, held] = await Promise.all([bus.tallies(), quarantine.list()]);
    return { tallies, quarantine: held };
  } catch (thrown) {
    const error = BoxError.from(thrown);
    if (error.code !== 'unavailable') throw error;
    return { tallies: new Map(), quarantine: [], error: error.message };
  }
}

/** Sources that nobody has put and that have signals in quarantine. */
function strangers(records: readonly SourceRecord[], quarantine: readonly Quarantined[]): object[] {
  const known = new Set(records.map(({ id }) => id));
  const unknown = quarantine.filter(({ source }) => !known.has(source));
  return [...Map.groupBy(unknown, ({ source }) => source)].map(([source, held]) => strangerView(source, held));
}

function recordAnswer(record: SourceRecord): FunctionResponse {
  return {
    status: 200,
    headers: { etag: etagOf(record.rev), vary: 'Accept', 'content-type': SOURCE_RECORD_CONTENT_TYPE },
    body: JSON.stringify(record),
  };
}

function putAnswer({ record, created, token }: PutSource): FunctionResponse {
  return {
    status: created ? 201 : 200,
    headers: {
      etag: etagOf(record.rev),
      'cache-control': 'no-store',
      ...(created && { location: record.id }),
    },
    body: { _id: record.id, rev: record.rev, ...(token !== undefined && { token }), publish: publishHint(record.id) },
  };
}

/** Where the source's signals go, with `{…}` for what the scenario says. */
function publishHint(id: string) {
  return {
    http: `/function/ingestion/signal/{scenario}/${id}`,
    nats: `thebox.source.${id}.{in_topic}`,
    mqtt: `thebox/source/${id}/{in_topic}`,
  };
}

function idOf(request: FunctionRequest): string {
  return request.params.id ?? '';
}

function wantsRecord(request: FunctionRequest): boolean {
  return (request.headers.accept ?? '').toLowerCase().includes(SOURCE_RECORD_CONTENT_TYPE);
}

function wantsToken(request: FunctionRequest): boolean {
  const token = queryText(request, 'token');
  if (token === undefined || token === 'true') return true;
  if (token === 'false') return false;
  throw new BoxError('invalid_argument', `Cannot read query: token must be true or false, got ${token.slice(0, 20)}`);
}

function readBody(request: FunctionRequest, maxBytes: number): unknown {
  if (request.body.length > maxBytes) {
    const what = `it may have up to ${maxBytes} bytes, got ${request.body.length}`;
    throw new BoxError('too_large', `Cannot read source: ${what}`);
  }
  return request.body.length === 0 ? {} : jsonBody(request);
}

/** The document with the id of its path, where it does not say another. */
function withId(value: unknown, id: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const own: unknown = '_id' in value ? value._id : undefined;
  if (own === undefined || own === id) return { ...value, _id: id };
  const message = `must be that of the path or be left out, got ${JSON.stringify(own)}`;
  throw new BoxError('invalid_argument', `Cannot put source ${id}: /_id ${message}`, {
    problems: [{ pointer: '/_id', message }],
  });
}
