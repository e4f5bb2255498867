import { randomUUID } from 'node:crypto';
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
/** When none has come for so long, those that are missing are taken for lost. */
const SILENCE_MS = 60_000;
const TRIES = 600;
const RETRY_MS = 200;

/**
 * Puts the scenario of examples/digits, sends its images as a camera would, and waits for the notification of each.
 *
 * @throws BoxError `unavailable` when the appliance does not take the scenario or an image.
 */
export async function runDemo(options: DemoOptions): Promise<Summary> {
  const { root, env, signal } = options;
  const images = await readDigitImages(join(root, 'examples', 'digits', 'images'));
  await putScenario(options, await readFile(join(root, 'examples', 'digits', 'scenario.json')));
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
      const id = randomUUID();
      tally.sent(id, image.label, performance.now());
      await sendImage(options, image.png, id);
      await next;
    }
    sending = false;
    await untilSilent(tally, allSeen.promise, signal);
    await nats.drain();
    await listening;
    return tally.summary();
  } finally {
    await nats.close();
  }
}

/** Resolves when every image was seen, or none has been for a while. */
async function untilSilent(tally: Tally, allSeen: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  void allSeen.then(() => over.abort());
  for (let before = Number.POSITIVE_INFINITY; tally.missing > 0 && tally.missing < before; ) {
    before = tally.missing;
    try {
      await delay(SILENCE_MS, undefined, { signal: AbortSignal.any([signal, over.signal]) });
    } catch (error) {
      if (!over.signal.aborted) throw error;
    }
  }
}

async function listen(nats: NatsConnection, tally: Tally): Promise<void> {
  for await (const message of nats.subscribe(TOPIC)) {
    const at = performance.now();
    const { correlationId, label, probability } = parseDigitNotification(message.json());
    tally.notified(correlationId, { label, probability, at });
  }
}

function putScenario(options: DemoOptions, scenario: Buffer): Promise<void> {
  return persist(options, 'Cannot put scenario digits', {
    method: 'PUT',
    path: 'orchestrator/scenario',
    headers: { 'Content-Type': 'application/json' },
    body: scenario,
  });
}

/** With an id of its own an image that is sent again is taken once. */
function sendImage(options: DemoOptions, png: Buffer, id: string): Promise<void> {
  return persist(options, 'Cannot send an image', {
    method: 'POST',
    path: 'ingestion/signal/digits/camera',
    headers: { 'Content-Type': 'image/png', 'Idempotency-Key': id },
    body: png,
  });
}

interface FunctionCall {
  readonly method: 'PUT' | 'POST';
  /** Below `/function/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Calls a function, again while it is not up or has too much to do, as a camera would. */
async function persist({ env, signal }: DemoOptions, what: string, call: FunctionCall): Promise<void> {
  const { method, path, body } = call;
  const headers = { ...call.headers, Authorization: `Bearer ${env.BOX_API_KEY}` };
  for (let attempt = 1; ; attempt += 1) {
    const response = await request(`${env.BOX_GATEWAY}/function/${path}`, { method, headers, body });
    const text = await response.body.text();
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode < 300) return;
    if ((statusCode < 500 && statusCode !== 429) || attempt === TRIES) {
      throw new BoxError('unavailable', `${what}: it must be taken, got ${statusCode} ${text.trim()}`);
    }
    await delay(RETRY_MS, undefined, { signal });
  }
}
