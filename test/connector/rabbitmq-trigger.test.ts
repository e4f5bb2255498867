import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { openLog } from '#lib/log/log.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import { MAX_CRASHES } from '../../connector/crash-watch.ts';
import { type Invoker, openInvoker } from '../../connector/invoker.ts';
import { openConnectorMetrics } from '../../connector/metrics.ts';
import { type RabbitmqTrigger, startRabbitmqTrigger, taskId } from '../../connector/rabbitmq-trigger.ts';
import { sharedRabbitmq, temporaryFolder, uniqueName } from '../support/servers.ts';
import { openGateway, results, type TestGateway, until } from './fixture.ts';
import { freeUrl, keepUpFunction } from './kept-up-function.ts';

/** Longer than any call here takes. */
const GRACE_MS = 60_000;

describe('RabbitMQ trigger', () => {
  let connection: ChannelModel;
  let channel: Channel;
  let gateway: TestGateway;
  let open: (gatewayUrl: string) => Invoker;
  let invoker: Invoker;
  let url: string;
  let queue: string;
  let deadQueue: string;
  let trigger: RabbitmqTrigger | undefined;

  before(async () => {
    const rabbitmq = await sharedRabbitmq();
    url = `${rabbitmq.url}/sensory`;
    connection = await connect(url);
    channel = await connection.createChannel();
    gateway = await openGateway();
    const secretsDir = await temporaryFolder('secrets');
    await writeFile(join(secretsDir, 'box-api-key'), 'secret-key');
    const secrets = openSecretFiles(secretsDir);
    const metrics = openConnectorMetrics();
    open = (gatewayUrl) =>
      openInvoker({
        gatewayUrl,
        timeoutMs: 60_000,
        secrets,
        log: openLog('trigger', process.env.TEST_LOG_LEVEL ?? 'silent'),
        metrics,
      });
    invoker = open(gateway.url);
  });

  after(async () => {
    await invoker?.close();
    await gateway?.close();
    await connection?.close();
  });

  beforeEach(async () => {
    queue = uniqueName('tasks');
    deadQueue = `${queue}.dead`;
    gateway.calls.length = 0;
  });

  afterEach(async () => {
    await trigger?.close(GRACE_MS);
    trigger = undefined;
    await channel.deleteQueue(queue);
    await channel.deleteQueue(deadQueue);
  });

  const declare = async (on: Channel) => {
    await on.assertQueue(deadQueue, { durable: true });
    const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': deadQueue };
    await on.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', ...toDead } });
  };
  const makeQueues = () => declare(channel);
  let connects: number;
  /** Resolves when the trigger has made the queue. */
  const start = (calls = invoker): Promise<void> => {
    const declared = Promise.withResolvers<void>();
    connects = 0;
    trigger = startRabbitmqTrigger({
      url: async () => {
        connects++;
        return url;
      },
      queue,
      declare: async (own) => {
        await declare(own);
        declared.resolve();
      },
      functionName: 'sensory',
      type: 'thebox.sensory.task',
      prefetch: 2,
      maxDeliver: 2,
      invoker: calls,
      log: openLog('trigger', process.env.TEST_LOG_LEVEL ?? 'silent'),
      metrics: openConnectorMetrics(),
    });
    return declared.promise;
  };
  const send = (order: string, shard: number) =>
    channel.sendToQueue(
      queue,
      Buffer.from(JSON.stringify({ sensory_batch_request_id: order, batch_size: 3, noise: 0 })),
      {
        persistent: true,
        headers: { shard },
      },
    );
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const waiting = async (name: string) => (await channel.checkQueue(name)).messageCount;
  const done = (id: unknown) => results([{ id: String(id), events: [] }]);

  it('posts each task to the function with a stable id, and acknowledges it when it is done', async () => {
    gateway.functions.set('sensory', ({ headers }) => done(headers['ce-id']));
    await makeQueues();
    start();
    for (let shard = 0; shard < 5; shard++) send('order-1', shard);
    await until(() => gateway.calls.length === 5, 'five calls');
    await trigger?.close(GRACE_MS);
    assert.equal(await waiting(queue), 0);
    assert.deepEqual(
      gateway.calls.map(({ headers }) => headers['ce-id']).sort(),
      [0, 1, 2, 3, 4].map((n) => `order-1.${n}`),
    );
    const [call] = gateway.calls;
    assert.deepEqual(
      [call?.headers['ce-type'], call?.headers['content-type'], call?.headers.authorization],
      ['thebox.sensory.task', 'application/json', 'Bearer secret-key'],
    );
    assert.deepEqual(JSON.parse(String(call?.body)), { sensory_batch_request_id: 'order-1', batch_size: 3, noise: 0 });
  });

  it('makes a queue that is not there yet, over one connection, and waits for a function that is away', async () => {
    gateway.functions.delete('sensory');
    await start();
    send('order-2', 0);
    await until(() => gateway.calls.length > 0, 'a call');
    gateway.functions.set('sensory', ({ headers }) => done(headers['ce-id']));
    await until(async () => gateway.calls.length > 1 && (await waiting(queue)) === 0, 'the task to be done');
    await trigger?.close(GRACE_MS);
    assert.equal(await waiting(queue), 0);
    assert.equal(await waiting(deadQueue), 0);
    // To RabbitMQ a question for what is not there is an error, which ends the channel and leaves lines in its log.
    assert.equal(connects, 1);
  });

  it('gives up a task that ends each process of the function to the dead-letter exchange, and no other that was under way', async () => {
    const { port, url: gatewayUrl } = await freeUrl();
    const calls = open(gatewayUrl);
    const ended = keepUpFunction(port);
    try {
      await makeQueues();
      for (const task of ['first', 'poison', 'second', 'third']) channel.sendToQueue(queue, json(task));
      start(calls);
      await until(async () => (await waiting(deadQueue)) === 1 && (await waiting(queue)) === 0, 'a dead letter');
      await trigger?.close(GRACE_MS);
      assert.deepEqual([await waiting(queue), await waiting(deadQueue)], [0, 1]);
      const dead = await channel.get(deadQueue, { noAck: true });
      assert.ok(dead !== false);
      assert.equal(dead.content.toString(), '"poison"');
      // Ten that had it alone, and those that ended before it was known that they do.
      assert.ok(ended.starts > MAX_CRASHES, String(ended.starts));
    } finally {
      await trigger?.close(0);
      await ended.stop();
      await calls.close();
    }
  });

  it('tries a task again that failed, and gives up one that keeps failing or is refused to the dead-letter exchange', async () => {
    const tries = new Map<string, number>();
    gateway.functions.set('sensory', ({ headers }) => {
      const id = String(headers['ce-id']);
      const count = (tries.get(id) ?? 0) + 1;
      tries.set(id, count);
      const error = { code: 'unavailable', message: 'not now', retry: id !== 'order-3.2' };
      if (id === 'order-3.0' || (id === 'order-3.1' && count > 1)) return done(id);
      return id === 'order-3.3' ? { status: 500, body: 'crash' } : results([{ id, error }]);
    });
    await makeQueues();
    start();
    for (let shard = 0; shard < 4; shard++) send('order-3', shard);
    const isOver = async () => tries.size === 4 && tries.get('order-3.1') === 2 && (await waiting(deadQueue)) === 2;
    await until(isOver, 'two dead letters and one task done at its second try');
    assert.deepEqual([...tries].sort(), [
      ['order-3.0', 1],
      ['order-3.1', 2],
      ['order-3.2', 1],
      ['order-3.3', 2],
    ]);
  });

  it('finishes a task that is under way when it is told to end, and it does not come again', async () => {
    const answered = Promise.withResolvers<void>();
    gateway.functions.set('sensory', async ({ headers }) => {
      await answered.promise;
      return done(headers['ce-id']);
    });
    await makeQueues();
    start();
    send('order-5', 0);
    await until(() => gateway.calls.length === 1, 'a call');
    const closed = trigger?.close(GRACE_MS);
    answered.resolve();
    await closed;
    assert.equal(await waiting(queue), 0);
  });

  it('hands back a task that is under way when it is told to end at once', async () => {
    const answered = Promise.withResolvers<void>();
    gateway.functions.set('sensory', async ({ headers }) => {
      await answered.promise;
      return done(headers['ce-id']);
    });
    await makeQueues();
    start();
    send('order-4', 0);
    await until(() => gateway.calls.length === 1, 'a call');
    await trigger?.close(0);
    answered.resolve();
    await until(async () => (await waiting(queue)) === 1, 'the task to be back');
  });

  it('taskId is the order and its shard, else the message id, else the hash of the content', () => {
    const content = Buffer.from('{"sensory_batch_request_id":"o"}');
    const id = (bytes: Buffer, properties: object) => taskId({ content: bytes, properties: properties as never });
    assert.equal(id(content, { headers: { shard: 3 }, messageId: 'm' }), 'o.3');
    assert.equal(id(content, { headers: {}, messageId: 'm' }), 'm');
    assert.match(id(Buffer.from('no json'), { headers: {} }), /^[0-9a-f]{64}$/);
  });
});
