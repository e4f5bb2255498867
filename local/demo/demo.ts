import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/nats-core';
import { request } from 'undici';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { readDigitImages } from './digit-images.ts';
import { parseDigitNotification } from './digit-notification.ts';
import { type Seen, type Summary, Tally } from './tally.ts';

export interface DemoOptions {
  /** The clone. */
  readonly root: string;
  /** As `env.json` has it. */
  readonly env: Readonly<Record<string, string>>;
  /** How many images are sent. */
  readonly count: number;
  /** How many a second. */
  readonly rate: number;
  /** Told of each image that was read. */
  readonly onSeen: (seen: Seen) => void;
  readonly signal: AbortSignal;
}

const TOPIC = 'digits_notifications';
const LAST_IMAGE_TIMEOUT_MS = 15_000;
const DEPLOY_TRIES = 20;

/**
 * Puts the scenario of examples/digits, sends its images as a camera would, and waits for the notification of each.
 *
 * @throws BoxError `unavailable` when the appliance does not take the scenario or an image.
 */
export async function runDemo(options: DemoOptions): Promise<Summary> {
  const { root, env, signal } = options;
  const images = await readDigitImages(join(root, 'examples', 'digits', 'images'));
  await putScenario(env, await readFile(join(root, 'examples', 'digits', 'scenario.json')), signal);
  const nats = await connectNats({ url: env.NATS_URL ?? '', name: 'demo' });
  const allSeen = Promise.withResolvers<void>();
  let sending = true;
  const tally = new Tally((seen) => {
    options.onSeen(seen);
    if (!sending && tally.missing === 0) allSeen.resolve();
  });
  try {
    const listening = listen(nats, tally);
    // Awaited at the end; until then its failure is not to end the process.
    listening.catch(() => undefined);
    await nats.flush();
    for (let i = 0; i < options.count && !signal.aborted; i += 1) {
      const image = images[i % images.length];
      if (image === undefined) throw new BoxError('not_found', 'Cannot send images: examples/digits has none');
      const next = delay(1000 / options.rate, undefined, { signal }).catch(() => undefined);
      const sentAt = performance.now();
      tally.sent(await sendImage(env, image.png), image.label, sentAt);
      await next;
    }
    sending = false;
    if (tally.missing > 0) await Promise.race([allSeen.promise, delay(LAST_IMAGE_TIMEOUT_MS, undefined, { signal })]);
    await nats.drain();
    await listening;
    return tally.summary();
  } finally {
    await nats.close();
  }
}

async function listen(nats: NatsConnection, tally: Tally): Promise<void> {
  for await (const message of nats.subscribe(TOPIC)) {
    const at = performance.now();
    const { correlationId, label, probability } = parseDigitNotification(message.json());
    tally.notified(correlationId, { label, probability, at });
  }
}

async function putScenario(env: DemoOptions['env'], scenario: Buffer, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { statusCode, text } = await call(env, 'PUT', 'orchestrator/scenario', 'application/json', scenario);
    if (statusCode === 200 || statusCode === 201) return;
    const passing = statusCode === 429 || statusCode >= 500;
    if (!passing || attempt === DEPLOY_TRIES) {
      throw new BoxError('unavailable', `Cannot put scenario digits: it must be taken, got ${statusCode} ${text}`);
    }
    await delay(500, undefined, { signal });
  }
}

async function sendImage(env: DemoOptions['env'], png: Buffer): Promise<string> {
  const path = 'ingestion/signal/digits/camera';
  const { statusCode, text } = await call(env, 'POST', path, 'image/png', png);
  const answer: unknown = statusCode === 202 ? JSON.parse(text) : undefined;
  if (typeof answer === 'object' && answer !== null && 'correlation_id' in answer) return String(answer.correlation_id);
  throw new BoxError('unavailable', `Cannot send an image: it must be answered 202, got ${statusCode} ${text}`);
}

async function call(
  env: DemoOptions['env'],
  method: 'PUT' | 'POST',
  path: string,
  contentType: string,
  body: Buffer,
): Promise<{ statusCode: number; text: string }> {
  const headers = { 'Content-Type': contentType, Authorization: `Bearer ${env.BOX_API_KEY}` };
  const response = await request(`${env.BOX_GATEWAY}/function/${path}`, { method, headers, body });
  return { statusCode: response.statusCode, text: await response.body.text() };
}
