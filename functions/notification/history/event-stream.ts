import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import type { Log } from '#lib/log/log.ts';
import type { PastNotification } from './history.ts';

export interface EventStreamOptions {
  /** After this the stream ends by itself, before a proxy would break it off; the browser comes back at once. */
  readonly lifeMs: number;
  readonly log: Log;
  readonly onEnd: () => void;
}

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 1000;

/**
 * Notifications as Server-Sent Events: `id` is the cursor, so a browser that comes back says where it was. A comment now
 * and then shows proxies that somebody is there. It ends when its reader goes.
 */
export function eventStream(
  open: (signal: AbortSignal) => Promise<AsyncIterable<PastNotification>>,
  { lifeMs, log, onEnd }: EventStreamOptions,
): Readable {
  const stream = new PassThrough();
  const ending = new AbortController();
  const heartbeat = setInterval(() => stream.write(': still here\n\n'), HEARTBEAT_MS);
  const life = setTimeout(() => ending.abort(), lifeMs);
  stream.once('close', () => ending.abort());
  const pump = async () => {
    stream.write(`retry: ${RETRY_MS}\n\n`);
    for await (const notification of await open(ending.signal)) {
      if (!stream.write(eventText(notification))) await once(stream, 'drain', { signal: ending.signal });
    }
  };
  pump()
    .catch((error: unknown) => {
      if (!ending.signal.aborted) log.warn({ err: error }, 'a stream of notifications ended early');
    })
    .finally(() => {
      clearInterval(heartbeat);
      clearTimeout(life);
      ending.abort();
      stream.end();
      onEnd();
    });
  return stream;
}

function eventText({ cursor, ...notification }: PastNotification): string {
  // JSON has no line breaks of its own, so the data is one line.
  return `id: ${cursor}\nevent: notification\ndata: ${JSON.stringify({ cursor, ...notification })}\n\n`;
}
