import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { fetchedMessages } from './fetched-messages.ts';

export const MESSAGE_ID_HEADER = 'Nats-Msg-Id';

/**
 * Which outputs of a stage are on their topic already. The server remembers message ids for a minute; whoever publishes
 * again after longer than that (a connector that was killed, a bus that was away) looks here first.
 */
export interface PublishedIds {
  /**
   * The ids that begin with the prefix and belong to inputs from `leastInput` on, among the messages stored from
   * `storedMs` on. What was read before is not read again, and nothing is read at all when that was at `asOfMs` or later.
   *
   * @throws BoxError `unavailable` when the bus does not answer.
   */
  find(storedMs: number, leastInput: number, asOfMs: number): Promise<ReadonlySet<string>>;
}

export interface PublishedIdsOptions {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly subject: string;
  /** What comes before the input's sequence in an id. */
  readonly prefix: string;
}

/** Opens a look at what was published; nothing is read before it is asked for. */
export function openPublishedIds(options: PublishedIdsOptions): PublishedIds {
  const ids = new Set<string>();
  let fromMs = Number.POSITIVE_INFINITY;
  let nextSeq: number | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;

  const inputOf = (id: string) => Number.parseInt(id.slice(options.prefix.length), 10);
  return {
    async find(storedMs, leastInput, asOfMs) {
      const startsEarlier = storedMs < fromMs;
      if (!startsEarlier && readAtMs >= asOfMs) return ids;
      const startedMs = Date.now();
      const from = startsEarlier || nextSeq === undefined ? new Date(storedMs) : nextSeq;
      for (const id of ids) if (inputOf(id) < leastInput) ids.delete(id);
      nextSeq = await scan(options, from, (id) => {
        if (inputOf(id) >= leastInput) ids.add(id);
      });
      fromMs = Math.min(fromMs, storedMs);
      readAtMs = startedMs;
      return ids;
    },
  };
}

/** Reads the ids from a place on to the end; returns the place after it. */
async function scan(options: PublishedIdsOptions, from: Date | number, found: (id: string) => void): Promise<number> {
  const js = jetstream(options.connection);
  try {
    const { state } = await (await js.jetstreamManager(false)).streams.info(options.stream, {
      subjects_filter: options.subject,
    });
    const end = state.last_seq + 1;
    // Nothing was ever published there, or nothing since the last look.
    if (state.subjects?.[options.subject] === undefined || (typeof from === 'number' && from >= end)) return end;
    const consumer = await js.consumers.get(options.stream, {
      filter_subjects: [options.subject],
      headers_only: true,
      ...(typeof from === 'number'
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }),
    });
    const most = (await consumer.info(true)).num_pending;
    for await (const message of fetchedMessages(consumer, { most, atOnce: 1000 })) {
      const id = message.headers?.get(MESSAGE_ID_HEADER);
      if (id?.startsWith(options.prefix)) found(id);
    }
    await consumer.delete();
    return end;
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot look for what was published: ${errorText(cause)}`, { cause });
  }
}
