import type { NatsConnection } from '@nats-io/transport-node';
import { openBatchPublisher } from '../floor/bus.ts';

const BATCH = 256;

/** What signals are made of. */
export interface Signals {
  readonly contentType: string;
  /** Taken in turn. */
  readonly bodies: readonly Buffer[];
}

/** Signals per second from the first publish to the last notification. */
export async function throughput(
  nc: NatsConnection,
  { bodies, contentType }: Signals,
  topics: { readonly in: string; readonly out: string },
  signals: number,
): Promise<number> {
  let left = signals;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const subscription = nc.subscribe(topics.out, {
    callback: () => {
      if (--left === 0) resolve();
    },
  });
  await nc.flush();
  const publisher = openBatchPublisher(nc);
  const started = performance.now();
  const mark = `${started}`;
  for (let sent = 0; sent < signals; sent += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, signals - sent) }, (_, i) => ({
      subject: topics.in,
      id: `${mark}.${sent + i}`,
      contentType,
      body: bodies[(sent + i) % bodies.length] ?? Buffer.alloc(0),
    }));
    await publisher.publish(batch);
  }
  await done;
  subscription.unsubscribe();
  return signals / ((performance.now() - started) / 1000);
}
