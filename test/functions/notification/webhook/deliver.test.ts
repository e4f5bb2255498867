import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { StageMessage, StageQueue } from '#lib/bus/stage-queue.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { openLog } from '#lib/log/log.ts';
import { type AddressGuard, openAddressGuard } from '#lib/net/address-guard.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import { deliver } from '../../../../functions/notification/webhook/deliver.ts';
import { openPost, type Post } from '../../../../functions/notification/webhook/post.ts';
import { signatureHeaders } from '../../../../functions/notification/webhook/sign.ts';
import { temporaryFolder } from '../../../support/servers.ts';

function message(seq: number, source: string, data: object = {}, storedMs = Date.now()): StageMessage {
  const attributes = { id: `n${seq}`, source, type: 'thebox.notification', time: '2026-01-01T00:00:00Z' };
  const body = Buffer.from(JSON.stringify({ scenario: 'house', notification_id: 'heat', ...data }));
  return { seq, subject: 'n', storedMs, deliveries: 1, attributes, ours: true, body, headers: () => [] };
}

/** Delivers the messages and ends once all of them are acknowledged. */
async function run(messages: StageMessage[], post: Post, notificationIds?: string[], url = 'http://x') {
  const stop = new AbortController();
  const acked: number[] = [];
  const outcomes: string[] = [];
  let waiting: StageMessage[] | undefined = messages;
  const queue: StageQueue = {
    suspectUpTo: 0,
    suspectSinceMs: 0,
    async next(signal) {
      const next = waiting;
      waiting = undefined;
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve());
      });
      return undefined;
    },
    putBack: () => undefined,
    ack(done) {
      acked.push(...done.map(({ seq }) => seq));
      if (acked.length === messages.length) stop.abort();
    },
    close: () => undefined,
  };
  const webhook = { url, secret: 'webhook-s', ...(notificationIds && { notification_ids: notificationIds }) };
  await deliver(
    {
      webhook,
      scenario: 'house',
      queue,
      post,
      log: openLog('test', 'silent'),
      onOutcome: (outcome) => outcomes.push(outcome),
      firstRetryMs: 1,
    },
    stop.signal,
  );
  return { acked, outcomes };
}

const refusal = () => new BoxError('unavailable', 'Cannot post to x: it answered 503');

describe('deliver', () => {
  it('keeps the order within a group, and a group that fails holds up no other', async () => {
    const posted: string[] = [];
    let failures = 3;
    const { acked, outcomes } = await run(
      [message(1, 'a'), message(2, 'a'), message(3, 'b'), message(4, 'b')],
      async (_, id) => {
        if (id === 'n1' && failures-- > 0) throw refusal();
        posted.push(id);
      },
    );
    assert.deepEqual(posted, ['n3', 'n4', 'n1', 'n2']);
    assert.deepEqual(acked, [3, 4, 1, 2]);
    assert.equal(outcomes.filter((outcome) => outcome === 'failed').length, 3);
  });

  it('takes the group of the notification where it has one', async () => {
    const posted: string[] = [];
    let failures = 1;
    await run([message(1, 'a', { group: 'hall' }), message(2, 'b', { group: 'hall' })], async (_, id) => {
      if (failures-- > 0) throw refusal();
      posted.push(id);
    });
    assert.deepEqual(posted, ['n1', 'n2']);
  });

  it('gives up after a day', async () => {
    const old = message(1, 'a', {}, Date.now() - 86_400_001);
    const { outcomes } = await run([old], async () => {
      throw refusal();
    });
    assert.deepEqual(outcomes, ['failed', 'given_up']);
  });

  it('leaves out what the receiver does not want and what is of another scenario', async () => {
    const posted: string[] = [];
    const post: Post = async (_, id) => {
      posted.push(id);
    };
    const messages = [
      message(1, 'a'),
      message(2, 'a', { notification_id: 'x' }),
      message(3, 'a', { scenario: 'barn' }),
    ];
    await run(messages, post, ['heat']);
    assert.deepEqual(posted, ['n1']);
  });
});

describe('deliver of what anybody may publish', () => {
  it('is held up by none of it', async () => {
    const bodies: string[] = [];
    const deep = { ...message(1, 'a'), body: Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)) };
    const strange = message(2, 'a', { notification_id: { toString: 1 }, scenario: { toString: 1 } });
    const messages = [deep, strange, { ...message(3, 'a'), body: Buffer.from('no JSON') }, message(4, 'a')];
    const post: Post = async (_, _id, body) => {
      bodies.push(body);
    };
    const { acked } = await run(messages, post, ['heat']);
    assert.deepEqual(acked.sort(), [1, 2, 3, 4]);
    assert.equal(bodies.length, 1);
    await run([deep], post);
    assert.equal(typeof JSON.parse(bodies[1] ?? '').data, 'string');
  });
});

describe('deliver to a receiver', () => {
  const secret = 'a secret of more than 24 bytes';
  const received: { id: string; signature: string; body: string; at: string }[] = [];
  let server: Server;
  let url: string;
  let guard: AddressGuard;
  let post: Post;

  before(async () => {
    const folder = await temporaryFolder('webhook');
    await writeFile(join(folder, 'webhook-s'), secret);
    server = createServer(async (request, response) => {
      const { 'webhook-id': id, 'webhook-signature': signature, 'webhook-timestamp': at } = request.headers;
      received.push({ id: String(id), signature: String(signature), at: String(at), body: await text(request) });
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    guard = openAddressGuard({ hosts: ['127.0.0.1'], setting: 'WEBHOOK_HOSTS', action: 'post', connections: 2 });
    post = openPost(guard, openSecretFiles(folder));
  });
  after(async () => {
    await guard.close();
    server.close();
  });

  it('posts a notification whatever its id is, with an id that a header holds and that stands for no other', async () => {
    const ids = ['n1.too hot', '1.温度', '1.Überhitzt', '1.\n', '1.\u0000', `1.${'x'.repeat(20_000)}`];
    const messages = ids.map((id, i) => ({ ...message(i + 1, 'a'), attributes: { id, source: 'a' } }));
    const { outcomes } = await run(messages, post, undefined, url);
    assert.deepEqual(new Set(outcomes), new Set(['sent']));
    assert.equal(received[0]?.id, 'n1.too hot');
    assert.equal(new Set(received.map(({ id }) => id)).size, ids.length);
    for (const { id, signature, at, body } of received) {
      assert.match(id, /^[\x20-\x7e]{1,200}$/);
      assert.equal(signatureHeaders(secret, id, Number(at), body)['webhook-signature'], signature);
    }
  });
});

describe('signatureHeaders', () => {
  it('signs as the example of the Standard Webhooks libraries', () => {
    const headers = signatureHeaders(
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      '{"test": 2432232314}',
    );
    assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('refuses a secret that is too short', () => {
    assert.throws(() => signatureHeaders('short', 'id', 1, ''), { code: 'unavailable', message: /at least 24 bytes/ });
  });
});
