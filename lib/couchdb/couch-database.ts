import nano from 'nano';
import { Agent } from 'undici';
import { BoxError, errorText } from '../error/box-error.ts';

export interface CouchOptions {
  /** `http://couchdb:5984`, without credentials. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  readonly database: string;
  /** How long CouchDB may take to answer (default 10 s). */
  readonly timeoutMs?: number;
}

/** A document of a database: its `_id`, its `_rev`, and the rest. */
export interface CouchDocument {
  readonly _id: string;
  readonly _rev: string;
  readonly [member: string]: unknown;
}

/** What the changes feed says of one document. */
export interface CouchChange {
  readonly id: string;
}

/** One database of a CouchDB server, made on first use. Every method throws BoxError `unavailable` when CouchDB is away. */
export interface CouchDatabase {
  /** The document; undefined when there is none. */
  get(id: string): Promise<CouchDocument | undefined>;
  /** The documents of the ids that exist, in the ids' order. */
  getAll(ids: readonly string[]): Promise<readonly CouchDocument[]>;
  /** Every document whose id begins with the prefix, by id. */
  list(prefix: string): Promise<readonly CouchDocument[]>;
  /** Id and `_rev` of every document whose id begins with the prefix, by id. */
  listRevs(prefix: string): Promise<readonly { id: string; rev: string }[]>;
  /**
   * Writes a document, over the one of `rev` when it is given, else as a new one.
   *
   * @returns its `_rev`.
   * @throws BoxError `conflict` when the document is not as `rev` says.
   */
  put(id: string, document: object, rev?: string): Promise<string>;
  /**
   * Removes a document.
   *
   * @throws BoxError `conflict` when its revision is another, `not_found` when there is none.
   */
  delete(id: string, rev: string): Promise<void>;
  /** Removes documents; one that changed or is gone already is left as it is. */
  deleteAll(documents: readonly { id: string; rev: string }[]): Promise<void>;
  /** Where the changes feed stands. */
  now(): Promise<string>;
  /** The changes after `since`; waits until there is one. Empty when CouchDB ended the wait. */
  changes(
    since: string,
    signal: AbortSignal,
  ): Promise<{ readonly since: string; readonly changes: readonly CouchChange[] }>;
  close(): Promise<void>;
}

/** CouchDB sends an empty line this often while it waits for a change, so that a dead connection is noticed. */
const HEARTBEAT_MS = 10_000;

/** Opens a database. Nothing is connected before the first call. */
export function openCouchDatabase(options: CouchOptions): CouchDatabase {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const agent = new Agent({ connect: { timeout: timeoutMs }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  const feedAgent = new Agent({
    connect: { timeout: timeoutMs },
    headersTimeout: 3 * HEARTBEAT_MS,
    bodyTimeout: 3 * HEARTBEAT_MS,
  });
  const server = connect(options, agent);
  const feedServer = connect(options, feedAgent);
  const name = options.database;
  let made: Promise<void> | undefined;

  /** Calls CouchDB; `unavailable` for whatever is not an answer that the caller asked to see. */
  async function call(request: CouchRequest, through = server): Promise<unknown> {
    made ??= makeDatabase(server, name);
    try {
      await made;
      return await through.request({ db: name, ...request });
    } catch (error) {
      // The next call makes the database, should this be what is missing.
      if (statusOf(error) === undefined || isDatabaseMissing(error)) made = undefined;
      throw error;
    }
  }

  const allDocs = async (body: object) => readRows(await call({ method: 'POST', path: '_all_docs', body }));
  const range = (prefix: string) => ({ startkey: prefix, endkey: `${prefix}\ufff0` });

  return {
    get: (id) => orUndefined(call({ doc: id }).then(readDocument)),
    getAll: async (keys) => (keys.length === 0 ? [] : documentsOf(await asking(allDocs({ keys, include_docs: true })))),
    list: async (prefix) => documentsOf(await asking(allDocs({ ...range(prefix), include_docs: true }))),
    async listRevs(prefix) {
      const rows = await asking(allDocs(range(prefix)));
      return rows.flatMap(({ id, rev }) => (rev === undefined ? [] : [{ id, rev }]));
    },
    async put(id, document, rev) {
      const body = rev === undefined ? document : { ...document, _rev: rev };
      return readRev(await asking(call({ method: 'PUT', doc: id, body })));
    },
    async delete(id, rev) {
      await asking(call({ method: 'DELETE', doc: id, qs: { rev } }));
    },
    async deleteAll(documents) {
      if (documents.length === 0) return;
      const docs = documents.map(({ id, rev }) => ({ _id: id, _rev: rev, _deleted: true }));
      await asking(call({ method: 'POST', path: '_bulk_docs', body: { docs } }));
    },
    now: async () => readSequence(await asking(call({ path: '_changes', qs: { since: 'now', limit: 1 } }))).since,
    async changes(since, signal) {
      const qs = { feed: 'longpoll', since, heartbeat: HEARTBEAT_MS };
      return readSequence(await asking(call({ path: '_changes', qs, signal }, feedServer)));
    },
    close: async () => {
      await Promise.all([agent.destroy(), feedAgent.destroy()]);
    },
  };
}

/** What nano's `request` takes; its types leave the signal out. */
interface CouchRequest {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly doc?: string;
  readonly path?: string;
  readonly qs?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

interface CouchServer {
  request(request: CouchRequest & { readonly db: string }): Promise<unknown>;
}

function connect(options: CouchOptions, agent: Agent): CouchServer {
  const { user, password } = options;
  const headers =
    user === undefined ? {} : { Authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` };
  // nano's types name the classes where it takes their instances.
  return nano({ url: options.url, headers, agentOptions: agent as unknown as typeof Agent });
}

async function makeDatabase(server: CouchServer, name: string): Promise<void> {
  try {
    await server.request({ db: name, method: 'PUT' });
  } catch (error) {
    if (statusOf(error) !== 412) throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** The HTTP status that CouchDB answered with; undefined when it did not answer. */
function statusOf(error: unknown): number | undefined {
  return isRecord(error) && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function isDatabaseMissing(error: unknown): boolean {
  const reason = isRecord(error) ? error.reason : undefined;
  return statusOf(error) === 404 && reason !== 'missing' && reason !== 'deleted';
}

/** The answer, with nano's errors as ours. */
async function asking<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw boxError(error);
  }
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404 && !isDatabaseMissing(error)) return undefined;
    throw boxError(error);
  }
}

function boxError(error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  const status = statusOf(error);
  if (status === 409)
    return new BoxError('conflict', 'Cannot write: the document was changed by another', { cause: error });
  if (status === 404 && !isDatabaseMissing(error)) {
    return new BoxError('not_found', 'Cannot find the document: there is none', { cause: error });
  }
  const said = status === undefined ? errorText(error) : `it answered ${status} (${errorText(error)})`;
  return new BoxError('unavailable', `Cannot use CouchDB: ${said}`, { cause: error, retryAfterSeconds: 1 });
}

function unreadable(what: string): BoxError {
  return new BoxError('unavailable', `Cannot use CouchDB: its answer is no ${what}, it may have been cut off`);
}

function isDocument(value: unknown): value is CouchDocument {
  return isRecord(value) && typeof value._id === 'string' && typeof value._rev === 'string';
}

function readDocument(answer: unknown): CouchDocument {
  if (!isDocument(answer)) throw unreadable('document');
  return answer;
}

function readRev(answer: unknown): string {
  if (!isRecord(answer) || typeof answer.rev !== 'string') throw unreadable('revision');
  return answer.rev;
}

interface Row {
  readonly id: string;
  readonly rev: string | undefined;
  readonly doc: unknown;
}

function readRows(answer: unknown): Row[] {
  if (!isRecord(answer) || !Array.isArray(answer.rows)) throw unreadable('list of documents');
  return answer.rows.flatMap((row: unknown): Row[] => {
    // The row of a key that is not there has an error in place of an id, that of a removed one says so in its value.
    if (!isRecord(row) || typeof row.id !== 'string' || !isRecord(row.value) || row.value.deleted === true) return [];
    return [{ id: row.id, rev: typeof row.value.rev === 'string' ? row.value.rev : undefined, doc: row.doc }];
  });
}

function documentsOf(rows: readonly Row[]): CouchDocument[] {
  return rows.map(({ doc }) => readDocument(doc));
}

function readSequence(answer: unknown): { since: string; changes: CouchChange[] } {
  if (!isRecord(answer) || !Array.isArray(answer.results)) throw unreadable('list of changes');
  const since = answer.last_seq;
  if (typeof since !== 'string' && typeof since !== 'number') throw unreadable('list of changes');
  const changes = answer.results.filter(
    (change: unknown): change is CouchChange => isRecord(change) && typeof change.id === 'string',
  );
  return { since: String(since), changes };
}
