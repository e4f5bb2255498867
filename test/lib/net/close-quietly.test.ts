import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { type ChannelModel, connect } from 'amqplib';
import { closeQuietly } from '#lib/net/close-quietly.ts';
import { sharedRabbitmq } from '../../support/servers.ts';

/** A way to the broker that can fall silent, and then break, as a broker does that is killed. */
async function openWay(): Promise<{ url: string; mute(): void; cut(): void; close(): void }> {
  const { url } = await sharedRabbitmq();
  const broker = new URL(url);
  const sockets: Socket[] = [];
  const behind: Socket[] = [];
  const server = createServer((front) => {
    const back = connectTcp(Number(broker.port), broker.hostname);
    for (const socket of [front, back]) socket.on('error', () => socket.destroy());
    front.pipe(back).pipe(front);
    sockets.push(front, back);
    behind.push(back);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const way = new URL(url);
  way.port = String((server.address() as AddressInfo).port);
  return {
    url: way.href,
    mute: () => {
      for (const back of behind) back.unpipe();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => server.close(),
  };
}

describe('closeQuietly', () => {
  let way: Awaited<ReturnType<typeof openWay>>;
  let connection: ChannelModel;

  beforeEach(async () => {
    way = await openWay();
    connection = await connect(way.url);
    connection.on('error', () => undefined);
  });

  afterEach(async () => {
    await closeQuietly(connection);
    way.cut();
    way.close();
  });

  it('closes a channel and a connection, again too', async () => {
    const channel = await connection.createChannel();
    await closeQuietly(channel);
    await closeQuietly(channel);
    await closeQuietly(connection);
    await closeQuietly(connection);
  });

  for (const what of ['channel', 'connection'] as const) {
    it(`resolves when the broker ends before it has answered about a ${what}`, async () => {
      const channel = await connection.createChannel();
      way.mute();
      const closing = closeQuietly(what === 'channel' ? channel : connection);
      way.cut();
      assert.equal(await closing, undefined);
    });
  }
});
