/**
 * The floor that the pipeline is measured against: what NATS itself does for the same messages, with nothing of the
 * product in between. One Node process, three hops: a signal is published four times and consumed three times, file
 * storage, headers, message ids; a batch is published with plain `publish` and one shared reply inbox whose
 * acknowledgements are counted.
 */
import { AckPolicy, type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';

const HOPS = 3;
const BATCH = 256;

/** Signals per second through `HOPS` hops of JetStream alone. */
export async function measureFloor(natsUrl: string, signals: number, body: Buffer): Promise<number> {
  const nc = await connect({ servers: natsUrl, noAsyncTraces: true });
  try {
    const manager = await jetstreamManager(nc);
    await manager.streams.add({ name: 'FLOOR', subjects: ['floor.>'] });
    try {
      for (let hop = 0; hop < HOPS; hop++) {
        await manager.consumers.add('FLOOR', {
          durable_name: `hop${hop}`,
          filter_subject: `floor.${hop}`,
          ack_policy: AckPolicy.Explicit,
          max_ack_pending: 4 * BATCH,
        });
      }
      const started = performance.now();
      const hops = Array.from({ length: HOPS }, (_, hop) => runHop(nc, hop, signals));
      const publisher = openBatchPublisher(nc);
      for (let sent = 0; sent < signals; sent += BATCH) {
        const count = Math.min(BATCH, signals - sent);
        await publisher.publish(
          Array.from({ length: count }, (_, i) => ({ subject: 'floor.0', id: `s${sent + i}`, body })),
        );
      }
      await Promise.all(hops);
      return signals / ((performance.now() - started) / 1000);
    } finally {
      await manager.streams.delete('FLOOR');
    }
  } finally {
    await nc.close();
  }
}

async function runHop(nc: NatsConnection, hop: number, signals: number): Promise<void> {
  const consumer = await jetstream(nc).consumers.get('FLOOR', `hop${hop}`);
  const messages: ConsumerMessages = await consumer.consume({ max_messages: 2 * BATCH });
  const publisher = openBatchPublisher(nc);
  let pending: JsMsg[] = [];
  let done = 0;
  const flush = async () => {
    const batch = pending;
    pending = [];
    await publisher.publish(
      batch.map((message) => ({ subject: `floor.${hop + 1}`, id: `${hop}.${message.seq}`, body: message.data })),
    );
    for (const message of batch) message.ack();
    done += batch.length;
  };
  for await (const message of messages) {
    pending.push(message);
    const last = done + pending.length === signals;
    if (pending.length >= BATCH || messages.getPending() === 0 || last) await flush();
    if (last) break;
  }
  await messages.close();
}

interface Outgoing {
  readonly subject: string;
  readonly id: string;
  readonly body: Uint8Array;
  readonly contentType?: string;
}

/** Publishes batches to JetStream: one inbox for all acknowledgements, counted. */
export function openBatchPublisher(nc: NatsConnection) {
  const inbox = `_INBOX.floor.${Math.random().toString(36).slice(2)}`;
  let missing = 0;
  let resolve: () => void = () => undefined;
  nc.subscribe(inbox, {
    callback: () => {
      if (--missing === 0) resolve();
    },
  });
  return {
    publish(batch: readonly Outgoing[]): Promise<void> {
      if (batch.length === 0) return Promise.resolve();
      missing = batch.length;
      const acknowledged = new Promise<void>((done) => {
        resolve = done;
      });
      for (const { subject, id, body, contentType } of batch) {
        const h = headers();
        h.set('Nats-Msg-Id', id);
        h.set('ce-specversion', '1.0');
        h.set('ce-id', id);
        h.set('ce-source', 'bench');
        h.set('ce-type', 'thebox.signal');
        if (contentType !== undefined) h.set('Content-Type', contentType);
        nc.publish(subject, body, { reply: inbox, headers: h });
      }
      return acknowledged;
    },
  };
}
