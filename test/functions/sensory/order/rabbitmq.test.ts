import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { TASK_QUEUE } from '#lib/order/rabbitmq-task-queue.ts';
import type { OrderQueue } from '../../../../functions/sensory/order/order-queue.ts';
import { openRabbitmqOrderQueue } from '../../../../functions/sensory/order/rabbitmq.ts';
import { sharedRabbitmq } from '../../../support/servers.ts';
import { openVhost } from '../vhost.ts';

const run = promisify(execFile);

describe('openRabbitmqOrderQueue', () => {
  let url: string;
  let queue: OrderQueue;

  before(async () => {
    url = await openVhost();
    queue = openRabbitmqOrderQueue(async () => url);
  });

  after(() => queue.close());

  const message = (place: number) => ({ body: Buffer.from('x'), origin: { shard: 0, place, attempt: 1 } });

  it('hands samples out while RabbitMQ takes none, being short of memory or disk', async () => {
    const { nodeEnv } = await sharedRabbitmq();
    const setMark = (mark: string) =>
      run('/usr/lib/rabbitmq/bin/rabbitmqctl', ['set_vm_memory_high_watermark', mark], {
        env: nodeEnv as NodeJS.ProcessEnv,
      });
    await queue.openResults('order');
    const publisher = await queue.openPublisher('order');
    await publisher.publish([message(0), message(1)]);
    await setMark('0');
    let late: Promise<void> | undefined;
    try {
      late = publisher.publish([message(2)]);
      for (const place of [0, 1]) {
        const taken = await queue.take('order');
        assert.equal(taken?.origin.place, place);
        taken.accept();
      }
    } finally {
      await setMark('0.6');
    }
    await late;
    const last = await queue.take('order');
    assert.equal(last?.origin.place, 2);
    last.accept();
    await publisher.close();
  });

  it('makes the task queue again that somebody removed', async () => {
    const task = { orderId: 'order', shard: 0, size: 1, noise: 0 };
    await queue.submit([task]);
    const connection = await connect(url);
    const channel = await connection.createChannel();
    await channel.deleteQueue(TASK_QUEUE);
    await assert.rejects(queue.submit([task]), { code: 'unavailable' });
    await queue.submit([task]);
    assert.equal((await channel.checkQueue(TASK_QUEUE)).messageCount, 1);
    await connection.close();
  });
});
