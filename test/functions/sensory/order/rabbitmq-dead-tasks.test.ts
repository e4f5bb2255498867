import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { openLog } from '#lib/log/log.ts';
import { TASK_QUEUE } from '#lib/order/rabbitmq-task-queue.ts';
import { watchDeadTasks } from '../../../../functions/sensory/order/rabbitmq-dead-tasks.ts';
import { openVhost } from '../vhost.ts';

const POLL_MS = 20;

describe('watchDeadTasks', () => {
  it('makes the task queue once a broker is there that was not at first: the connector waits for it', async () => {
    const url = await openVhost();
    let tries = 0;
    const late = async () => {
      tries++;
      if (tries === 1) throw new Error('no broker yet');
      return url;
    };
    const watch = watchDeadTasks(late, async () => undefined, openLog('test', 'silent'));
    const connection = await connect(url);
    try {
      for (let found = false; !found; ) {
        const channel = await connection.createChannel();
        channel.on('error', () => undefined);
        found = await channel.checkQueue(TASK_QUEUE).then(
          () => true,
          () => false,
        );
        await delay(POLL_MS);
      }
    } finally {
      await connection.close();
      await watch.close();
    }
  });
});
