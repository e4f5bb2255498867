import assert from 'node:assert/strict';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { HeaderBlock, headerPairs } from '#lib/bus/event-headers.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { openWire } from '#lib/bus/wire.ts';
import { sharedNats, uniqueName } from '../../support/servers.ts';

interface Received {
  readonly headers: readonly (readonly [string, string])[];
  readonly reply: string | undefined;
  readonly body: string;
}

describe('wire', () => {
  let connection: NatsConnection;

  before(async () => {
    connection = await connectNats({ url: (await sharedNats()).url, name: 'test' });
  });

  after(() => connection.close());

  /** Sends the same messages and tells what arrived. */
  async function sent(through: NatsConnection): Promise<Received[]> {
    const subject = uniqueName();
    const received: Received[] = [];
    const subscription = connection.subscribe(subject, {
      callback: (_error, message) => {
        const { reply } = message;
        received.push({ headers: headerPairs(message), reply, body: Buffer.from(message.data).toString() });
      },
    });
    const head = new HeaderBlock().set('Content-Type', 'text/plain; name="ä"').attribute('id', 'ö 1').text();
    const wire = openWire(through);
    wire.add(subject, 'r.1', head, 'text ü');
    wire.add(subject, 'r.2', head, Buffer.from('bytes'));
    wire.addPlain(subject, '+ACK');
    wire.add(subject, 'r.3', head, '');
    wire.flush();
    wire.flush();
    await connection.flush();
    subscription.unsubscribe();
    return received;
  }

  it('sends headers, text and bytes in order', async () => {
    const headers = [
      ['Content-Type', 'text/plain; name="ä"'],
      ['ce-id', '%C3%B6%201'],
    ];
    assert.deepEqual(await sent(connection), [
      { headers, reply: 'r.1', body: 'text ü' },
      { headers, reply: 'r.2', body: 'bytes' },
      { headers: [], reply: '', body: '+ACK' },
      { headers, reply: 'r.3', body: '' },
    ]);
  });

  it('sends the same through a client that has no protocol to write to', async () => {
    const plain = { publish: connection.publish.bind(connection) } as NatsConnection;
    assert.deepEqual(await sent(plain), await sent(connection));
  });

  it('headerPairs reads the same from the client’s own headers', async () => {
    const subject = uniqueName();
    const both: unknown[] = [];
    const subscription = connection.subscribe(subject, {
      callback: (_error, message) => {
        const { headers } = message;
        both.push(headerPairs(message), headerPairs({ headers } as typeof message));
      },
    });
    const wire = openWire(connection);
    wire.add(subject, 'r', new HeaderBlock().set('A', '1').attribute('id', 'x:y').text(), '');
    wire.flush();
    await connection.flush();
    subscription.unsubscribe();
    assert.deepEqual(both[0], [
      ['A', '1'],
      ['ce-id', 'x:y'],
    ]);
    assert.deepEqual(both[0], both[1]);
  });

  it('headerPairs leaves out lines that are no headers', () => {
    const block = Buffer.from('NATS/1.0\r\nnone\r\n\r\nA: 1\r\nnone\r\nB: x:y\r\nnone\r\n\r\n');
    const message = { _rdata: block, _msg: { hdr: block.length } };
    assert.deepEqual(headerPairs(message as unknown as Msg), [
      ['A', '1'],
      ['B', 'x:y'],
    ]);
  });
});
