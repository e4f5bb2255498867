import { AckPolicy, type ConsumerMessages, type JetStreamManager, type JsMsg, jetstream } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { BoxError } from '../error/box-error.ts';
import { EVENT_TYPE } from '../message/cloud-event.ts';
import type { Stage } from '../scenario/scenario.ts';
import { HeaderBlock } from './event-headers.ts';
import type { StoredPublish, StreamMessage } from './stored-publish.ts';
import {
  DEFAULT_SOURCE,
  DUE_FILTER,
  dueSubject,
  scheduleFilter,
  scheduleSubject,
  stageSubject,
  TIMER_STREAM,
  tokenText,
} from './subjects.ts';

/** What the server can read: years of four digits. It refuses another for ever, and its stage would wait for as long. */
const LAST_TIME = Date.UTC(9999, 11, 31);

/**
 * A timer as a scheduled message (NATS 2.12): the server keeps it on disk and sends it to the stage's `due` subject when
 * its time comes. One subject per key, so a later timer takes the place of an earlier one. `at` is RFC 3339; a time that
 * has passed is now, one beyond the year 9999 is there.
 */
export function timerMessage(scenario: string, stage: Stage, key: string, at: string): StreamMessage {
  const time = new Date(Math.min(Math.max(Date.parse(at), 0), LAST_TIME)).toISOString();
  const head = new HeaderBlock()
    .set('Nats-Schedule', `@at ${time}`)
    .set('Nats-Schedule-Target', dueSubject(scenario, stage))
    .attributes({
      specversion: '1.0',
      type: EVENT_TYPE.timer,
      source: DEFAULT_SOURCE,
      time,
      datacontenttype: 'application/json',
    });
  return {
    subject: scheduleSubject(scenario, stage, key),
    head: head.text(),
    body: Buffer.from(JSON.stringify({ key, at })),
  };
}

/** Drops the timers of a scenario that is no more. */
export async function dropTimers(manager: JetStreamManager, scenario: string): Promise<void> {
  await manager.streams.purge(TIMER_STREAM, { filter: scheduleFilter(scenario) });
}

const RELAY = 'relay';
const TIMEOUT_MS = 5000;
const TRY_AGAIN_MS = 1000;

/** Makes the relay's place in the stream of timers, where it is missing. */
export async function ensureRelay(manager: JetStreamManager): Promise<void> {
  await manager.consumers.add(TIMER_STREAM, {
    durable_name: RELAY,
    ack_policy: AckPolicy.Explicit,
    filter_subject: DUE_FILTER,
    ack_wait: nanos(4 * TIMEOUT_MS),
  });
}

/**
 * Brings timers that are due to their stages: from the stream of timers to the stage's own subject in the main stream,
 * where they wait in line with its messages. Scheduled messages need a stream of their own (see jetstream-streams.ts).
 *
 * @param onFailure is told of a timer that could not be brought yet; it is tried again.
 */
export async function relayTimers(
  connection: NatsConnection,
  manager: JetStreamManager,
  publish: StoredPublish,
  onFailure: (error: BoxError) => void,
): Promise<ConsumerMessages> {
  await ensureRelay(manager);
  const consumer = await jetstream(connection).consumers.get(TIMER_STREAM, RELAY);
  const messages = await consumer.consume({ max_messages: 100 });
  const run = async () => {
    for await (const message of messages) {
      const failed = await relay(publish, message).catch(BoxError.from);
      if (failed === undefined) message.ack();
      else {
        onFailure(failed);
        message.nak(TRY_AGAIN_MS);
      }
    }
  };
  // Ended by a closed connection: what was not acknowledged comes again.
  run().catch((error: unknown) => onFailure(BoxError.from(error)));
  return messages;
}

async function relay(publish: StoredPublish, message: JsMsg): Promise<BoxError | undefined> {
  const [, , scenario, stage] = message.subject.split('.');
  const head = new HeaderBlock().set('Nats-Msg-Id', `timer.${message.seq}`);
  for (const [name, values] of message.headers ?? []) {
    if (!name.startsWith('Nats-')) for (const value of values) head.set(name, value);
  }
  head.attribute('id', `timer-${message.seq}`);
  const subject = stageSubject(tokenText(scenario ?? ''), stage as Stage, 'timer');
  const [outcome] = await publish.publish([{ subject, head: head.text(), body: message.data }], TIMEOUT_MS);
  return outcome instanceof BoxError ? outcome : undefined;
}
