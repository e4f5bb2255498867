import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { BoxError } from '../error/box-error.ts';
import { INBOX_PREFIX } from './nats-connection.ts';
import { openWire } from './wire.ts';

/** A message for a stream: its header block (see event-headers.ts) and its payload. */
export interface StreamMessage {
  readonly subject: string;
  readonly head: string;
  readonly body: Uint8Array | string;
}

export interface Stored {
  readonly seq: number;
  /** The stream had a message with the same `Nats-Msg-Id` already, and kept that one. */
  readonly duplicate: boolean;
}

/** Publishes to streams and waits until the server has stored the messages. */
export interface StoredPublish {
  /**
   * Publishes the messages in order and waits for every acknowledgement. Each message has an outcome of its own:
   * BoxError `storage_full` when the stream has reached its size, `not_found` when no stream takes the subject,
   * `too_large`, `unavailable` without an answer in time (then it may be stored or not).
   */
  publish(messages: readonly StreamMessage[], timeoutMs: number): Promise<readonly (Stored | BoxError)[]>;
  close(): void;
}

/** Publishes that await their acknowledgements at once: a limit on what the server holds in its queue for us. */
const MAX_OUTSTANDING = 1000;

interface Group {
  readonly outcomes: (Stored | BoxError | undefined)[];
  missing: number;
  readonly done: () => void;
}

/**
 * Opens publishing with one shared reply inbox: per message nothing is created but the message itself. The client's own
 * `js.publish` makes a request object and a timer each, which halves the throughput of a chain (docs/decisions/bus.md).
 */
export function openStoredPublish(connection: NatsConnection): StoredPublish {
  const inbox = createInbox(INBOX_PREFIX);
  const wire = openWire(connection);
  const groups = new Map<number, Group>();
  let nextGroup = 0;

  const settle = (subject: string, outcome: Stored | BoxError) => {
    const dot = subject.indexOf('.', inbox.length + 1);
    const waiting = groups.get(Number(subject.slice(inbox.length + 1, dot)));
    const at = Number(subject.slice(dot + 1));
    if (waiting === undefined || waiting.outcomes[at] !== undefined) return;
    waiting.outcomes[at] = outcome;
    if (--waiting.missing === 0) waiting.done();
  };
  const subscription = connection.subscribe(`${inbox}.>`, {
    callback: (error, message) => {
      if (error === null) settle(message.subject, readAck(message));
    },
  });

  // What was under way when the connection was lost is not answered any more, and what was published since is dropped.
  const giveUp = (error: BoxError) => {
    for (const group of groups.values()) {
      for (let i = 0; i < group.outcomes.length; i++) group.outcomes[i] ??= error;
      group.done();
    }
  };
  void whenConnectionChanges(connection, () => {
    giveUp(new BoxError('unavailable', 'Cannot publish: the connection to the bus was lost', { retryAfterSeconds: 1 }));
  });

  const publishGroup = async (messages: readonly StreamMessage[], timeoutMs: number) => {
    const id = nextGroup++;
    const { promise, resolve } = Promise.withResolvers<void>();
    const group: Group = { outcomes: new Array(messages.length), missing: messages.length, done: resolve };
    groups.set(id, group);
    const maxPayload = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    messages.forEach(({ subject, head, body }, index) => {
      const reply = `${inbox}.${id}.${index}`;
      const size = Buffer.byteLength(head) + Buffer.byteLength(body);
      if (size > maxPayload) settle(reply, tooLarge(subject, maxPayload, size));
      else wire.add(subject, reply, head, body);
    });
    wire.flush();
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    groups.delete(id);
    return Array.from(group.outcomes, (outcome) => outcome ?? unanswered(timeoutMs));
  };

  return {
    async publish(messages, timeoutMs) {
      if (messages.length === 0) return [];
      if (connection.isClosed()) {
        const closed = new BoxError('unavailable', 'Cannot publish: the connection to the bus is closed');
        return messages.map(() => closed);
      }
      if (messages.length <= MAX_OUTSTANDING) return publishGroup(messages, timeoutMs);
      const outcomes: (Stored | BoxError)[] = [];
      for (let start = 0; start < messages.length; start += MAX_OUTSTANDING) {
        outcomes.push(...(await publishGroup(messages.slice(start, start + MAX_OUTSTANDING), timeoutMs)));
      }
      return outcomes;
    },
    close: () => subscription.unsubscribe(),
  };
}

async function whenConnectionChanges(connection: NatsConnection, changed: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === 'disconnect' || type === 'reconnect') changed();
}

function tooLarge(subject: string, limit: number, size: number): BoxError {
  return new BoxError('too_large', `Cannot publish to ${subject}: at most ${limit} bytes, got ${size}`);
}

function unanswered(timeoutMs: number): BoxError {
  return new BoxError('unavailable', `Cannot publish: the bus did not answer within ${timeoutMs} ms`, {
    retryAfterSeconds: 1,
  });
}

/** JetStream's codes of what can befall a publish (server/errors.json of nats-server). */
const STORE_FAILED = 10077;
const RESOURCES = 10023;

function readAck(message: Msg): Stored | BoxError {
  if (message.data.length === 0) {
    // 503: nobody listens on the subject, so no stream has it.
    return new BoxError('not_found', 'Cannot publish: no stream takes this topic; is there a scenario with it?');
  }
  const text = message.string();
  // Almost every acknowledgement is of this form, and there is one per message.
  const plain = /^\{"stream":"[^"]*", ?"seq":(\d+)\}$/.exec(text);
  if (plain !== null) return { seq: Number(plain[1]), duplicate: false };
  const ack: unknown = JSON.parse(text);
  if (typeof ack === 'object' && ack !== null) {
    if ('error' in ack) return refusal(ack.error);
    if ('seq' in ack && typeof ack.seq === 'number') {
      return { seq: ack.seq, duplicate: 'duplicate' in ack && ack.duplicate === true };
    }
  }
  return new BoxError('internal', 'Cannot publish: the acknowledgement was not understood');
}

function refusal(error: unknown): BoxError {
  const { code, err_code: errCode, description } = Object(error) as Record<string, unknown>;
  const said = String(description);
  if (errCode === STORE_FAILED && /maximum (bytes|messages)/.test(said)) return storageFull(said);
  if (errCode === RESOURCES || code === 507) return storageFull(said);
  if (/maximum (message )?size|message size exceeds/i.test(said))
    return new BoxError('too_large', `Cannot publish: ${said}`);
  return new BoxError('unavailable', `Cannot publish: the bus refused (${said})`, { retryAfterSeconds: 1 });
}

function storageFull(said: string): BoxError {
  return new BoxError('storage_full', `Cannot publish: the stream is full (${said})`, { retryAfterSeconds: 5 });
}
