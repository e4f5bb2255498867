import { createHash } from 'node:crypto';
import type { StageMessage, StageQueue } from '#lib/bus/stage-queue.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { jsonOrText } from '#lib/message/json-text.ts';
import type { Webhook } from '#lib/scenario/scenario.ts';
import type { Post } from './post.ts';

export interface DeliveryParts {
  readonly webhook: Webhook;
  readonly scenario: string;
  readonly queue: StageQueue;
  readonly post: Post;
  readonly log: Log;
  readonly onOutcome: (outcome: 'sent' | 'failed' | 'given_up') => void;
  readonly now?: () => number;
  /** The first wait after a failure (default 1 s); it doubles, up to ten minutes. */
  readonly firstRetryMs?: number;
}

/** How long a notification is tried. */
const GIVE_UP_MS = 86_400_000;
const LONGEST_RETRY_MS = 600_000;

interface Letter {
  readonly message: StageMessage;
  readonly id: string;
  readonly body: string;
}

/**
 * Takes notifications from the queue and posts them until the signal aborts: in order within a group, groups beside each
 * other, each until it is taken or a day has passed. What is not acknowledged then comes again with the next queue, so a
 * receiver may get one twice, with the same `webhook-id`.
 */
export async function deliver(parts: DeliveryParts, signal: AbortSignal): Promise<void> {
  const groups = new Map<string, Promise<void>>();
  for (;;) {
    const messages = await parts.queue.next(signal);
    if (messages === undefined) break;
    for (const message of messages) {
      const { group, letter } = letterOf(message, parts);
      if (letter === undefined) {
        parts.queue.ack([message]);
        continue;
      }
      const before = groups.get(group) ?? Promise.resolve();
      const sent = before.then(() => send(letter, parts, signal));
      groups.set(group, sent);
      void sent.finally(() => {
        if (groups.get(group) === sent) groups.delete(group);
      });
    }
  }
  await Promise.all(groups.values());
}

/** A notification as it is posted; none where the receiver does not want it or it is another scenario's. */
function letterOf(message: StageMessage, { webhook, scenario }: DeliveryParts): { group: string; letter?: Letter } {
  const { attributes } = message;
  const data = jsonOrText(message.body);
  const { scenario: from, notification_id: notificationId, group } = Object(data) as Record<string, unknown>;
  const id = headerId(attributes.id ?? String(message.seq));
  const key = typeof group === 'string' ? group : (attributes.source ?? '');
  const isOther = from !== undefined && from !== scenario;
  const isUnwanted = webhook.notification_ids?.some((wanted) => wanted === notificationId) === false;
  if (isOther || isUnwanted) return { group: key };
  const timestamp = attributes.time ?? new Date(message.storedMs).toISOString();
  // Standard Webhooks: what it is, when it was, and the data.
  const body = JSON.stringify({ type: attributes.type ?? 'thebox.notification', timestamp, data });
  return { group: key, letter: { message, id, body } };
}

/** An id that HTTP carries as it is. Of one that no header holds (any text, of any length) its hash stands for it. */
function headerId(id: string): string {
  return /^[\x20-\x7e]{1,200}$/.test(id) ? id : createHash('sha256').update(id).digest('hex');
}

async function send({ message, id, body }: Letter, parts: DeliveryParts, signal: AbortSignal): Promise<void> {
  const { webhook, queue, log, post, onOutcome, now = Date.now, firstRetryMs = 1000 } = parts;
  for (let waitMs = firstRetryMs; !signal.aborted; waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS)) {
    try {
      await post(webhook, id, body, signal);
      onOutcome('sent');
      queue.ack([message]);
      return;
    } catch (thrown) {
      if (signal.aborted) return;
      const error = BoxError.from(thrown);
      onOutcome('failed');
      log.warn({ scenario: parts.scenario, notification: id, err: error }, 'a webhook was not taken');
      if (now() - message.storedMs > GIVE_UP_MS) {
        onOutcome('given_up');
        log.error({ scenario: parts.scenario, notification: id }, 'a webhook is given up after a day');
        queue.ack([message]);
        return;
      }
      await pause(Math.max((error.retryAfterSeconds ?? 0) * 1000, waitMs * (0.5 + Math.random() / 2)), signal);
    }
  }
}

/** Waits; ends early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
