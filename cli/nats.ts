import { connectNats } from '#lib/bus/nats-connection.ts';
import { type Connection, required } from './connection.ts';

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;

/** Works with the appliance's NATS and leaves it again. */
export async function withNats<T>(connection: Connection, work: (nats: NatsConnection) => Promise<T>): Promise<T> {
  const nats = await connectNats({
    url: required(connection, 'NATS_URL'),
    name: 'box',
    user: connection.NATS_USER,
    password: connection.NATS_PASSWORD,
  });
  try {
    return await work(nats);
  } finally {
    await nats.drain();
  }
}
