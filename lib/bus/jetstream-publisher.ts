import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError } from '../error/box-error.ts';
import { HeaderBlock } from './event-headers.ts';
import type { Outgoing, Publisher } from './publisher.ts';
import { openStoredPublish, type StreamMessage } from './stored-publish.ts';
import { isDoorSubject, isTopic } from './subjects.ts';

const TIMEOUT_MS = 5000;

/** Opens a publisher on JetStream. */
export function openJetStreamPublisher(connection: NatsConnection): Publisher {
  const stored = openStoredPublish(connection);
  return {
    async publish(topic, message) {
      if (!isTopic(topic) && !isDoorSubject(topic)) {
        throw new BoxError(
          'invalid_argument',
          `Cannot publish: a topic must be a NATS subject without wildcards, got ${topic}`,
        );
      }
      const [outcome] = await stored.publish([streamMessage(topic, message)], TIMEOUT_MS);
      if (outcome === undefined) throw new BoxError('internal', 'Cannot publish: no outcome');
      if (outcome instanceof BoxError) throw outcome;
      return outcome;
    },
    close: () => stored.close(),
  };
}

function streamMessage(subject: string, { attributes, body, messageId }: Outgoing): StreamMessage {
  const head = new HeaderBlock();
  if (messageId !== undefined) head.set('Nats-Msg-Id', messageId);
  if (attributes.specversion === undefined && attributes.id !== undefined) head.attribute('specversion', '1.0');
  return { subject, head: head.attributes(attributes).text(), body };
}
