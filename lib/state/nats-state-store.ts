import {
  type DirectStreamAPI,
  JetStreamApiError,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { headers, type NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import type { KeptState, StateStore, StateWrite, WriteOutcome } from './state-store.ts';

export interface NatsStateStoreOptions {
  /** The bucket's name: letters, digits, `-` and `_`. It is made where it is missing. */
  readonly bucket: string;
  readonly maxBytes: number;
}

/** nats-server answers for no more subjects at once (JS_MAX_SUBJECTS_MULTI_LAST is 1,024). */
const KEYS_AT_ONCE = 500;
const TIMEOUT_MS = 5000;
/** How long the mark of a removed value stays: longer than any writer can have held on to what was there before. */
const MARKER_TTL_MS = 3_600_000;

const WRONG_LAST_SEQUENCE = 10071;
const STORE_FAILED = 10077;
const RESOURCES = 10023;
const TOO_LARGE = 10054;

/**
 * Opens a store in a key-value bucket of NATS. Keys are read many at a time, which the client's own KV does not offer, and
 * written with the revision that they must have.
 *
 * @throws BoxError `unavailable` when the server does not answer or refuses the bucket.
 */
export async function openNatsStateStore(
  connection: NatsConnection,
  options: NatsStateStoreOptions,
): Promise<StateStore> {
  const { bucket, maxBytes } = options;
  const stream = `KV_${bucket}`;
  const subject = (key: string) => `$KV.${bucket}.${key}`;
  // Of the history there is no use; a marker's TTL is what makes the bucket take TTLs per value.
  const settings = { history: 1, max_bytes: maxBytes, markerTTL: MARKER_TTL_MS, allow_direct: true };
  const ensure = () => reported(`open bucket ${bucket}`, () => new Kvm(connection).create(bucket, settings));
  const kv: KV = await ensure();
  const { direct } = await reported('use JetStream', () => jetstreamManager(connection));
  const js = jetstream(connection, { timeout: TIMEOUT_MS });
  /** A server that lost its data lost the bucket: the next try finds it made anew. */
  const asked = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    try {
      return await reported(what, ask);
    } catch (error) {
      await ensure();
      throw error;
    }
  };

  return {
    async load(keys) {
      const found = new Map<string, KeptState>(keys.map((key) => [key, { value: undefined, revision: 0 }]));
      for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
        const subjects = keys.slice(at, at + KEYS_AT_ONCE).map(subject);
        await asked('load state', () =>
          lastMessages(direct, stream, subjects, (message) => {
            found.set(message.subject.slice(subject('').length), keptIn(message));
          }),
        );
      }
      return found;
    },
    save: (writes) => Promise.all(writes.map((write) => saveOne(js, subject(write.key), write))),
    async list(prefix) {
      return asked('list state', async () => {
        const found = new Map<string, KeptState>();
        for await (const entry of await kv.history({ key: prefix === '' ? '>' : `${prefix}.>` })) {
          if (entry.operation !== 'PUT') continue;
          found.set(entry.key, { value: entry.json(), revision: entry.revision });
        }
        return found;
      });
    },
  };
}

/** The last message of each subject that has one. */
function lastMessages(
  direct: DirectStreamAPI,
  stream: string,
  subjects: string[],
  onMessage: (message: StoredMsg) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // With a callback: the client's iterator of the same leaves its subscription behind.
  const callback = (done: { err?: Error } | null, message: StoredMsg) => {
    if (done === null) onMessage(message);
    else if (done.err === undefined) resolve();
    else reject(done.err);
  };
  const options = { multi_last: subjects, callback };
  direct.getLastMessagesFor(stream, options).catch(reject);
  return promise;
}

function keptIn(message: StoredMsg): KeptState {
  const isMarker = message.header.has('KV-Operation') || message.header.has('Nats-Marker-Reason');
  return { value: isMarker ? undefined : message.json(), revision: message.seq };
}

async function saveOne(js: JetStreamClient, subject: string, write: StateWrite): Promise<WriteOutcome> {
  const { key, value, revision, ttlMs } = write;
  const head = headers();
  if (value === undefined) head.set('KV-Operation', 'DEL');
  const keepMs = value === undefined ? MARKER_TTL_MS : ttlMs;
  try {
    await js.publish(subject, value === undefined ? '' : JSON.stringify(value), {
      headers: head,
      expect: { lastSubjectSequence: revision },
      ...(keepMs !== undefined && { ttl: `${Math.max(1, Math.ceil(keepMs / 1000))}s` }),
    });
    return 'written';
  } catch (cause) {
    if (cause instanceof JetStreamApiError && cause.code === WRONG_LAST_SEQUENCE) return 'conflict';
    throw refusal(key, cause);
  }
}

function refusal(key: string, cause: unknown): BoxError {
  const text = `Cannot save state ${key}: ${errorText(cause)}`;
  if (!(cause instanceof JetStreamApiError)) return new BoxError('unavailable', text, { cause });
  if (cause.code === TOO_LARGE) return new BoxError('too_large', text, { cause });
  const isFull = cause.code === RESOURCES || (cause.code === STORE_FAILED && /maximum/.test(cause.message));
  return new BoxError(isFull ? 'storage_full' : 'unavailable', text, { cause });
}

async function reported<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot ${what}: ${errorText(cause)}`, { cause });
  }
}
