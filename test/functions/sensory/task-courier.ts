import { type ChannelModel, connect } from 'amqplib';
import { request } from 'undici';
import { TASK_QUEUE } from '#lib/order/rabbitmq-task-queue.ts';
import { openRabbitmqOrderQueue } from '../../../functions/sensory/order/rabbitmq.ts';
import { API_KEY } from './sensory-process.ts';

/** Carries tasks from the queue to the function as the connector does, one at a time, until it is closed. */
export async function startCourier(
  amqpUrl: string,
  functionUrl: () => string,
): Promise<{ readonly failed: number; readonly dead: number; close(): Promise<void> }> {
  // The function makes the queue in its own time; what is made twice is made once.
  const queue = openRabbitmqOrderQueue(async () => amqpUrl);
  await queue.prepare();
  await queue.close();
  const connection: ChannelModel = await connect(amqpUrl, { noDelay: true });
  connection.on('error', () => undefined);
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await channel.prefetch(2);
  const counts = { failed: 0, dead: 0 };
  let closed = false;
  await channel.consume(TASK_QUEUE, async (message) => {
    if (!message) return;
    const task = JSON.parse(message.content.toString());
    try {
      const { statusCode, body } = await request(functionUrl(), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${API_KEY}`,
          'content-type': 'application/json',
          'ce-specversion': '1.0',
          'ce-type': 'thebox.sensory.task',
          'ce-source': '/rabbitmq',
          'ce-id': `${task.sensory_batch_request_id}.${message.properties.headers?.shard}`,
        },
        body: message.content,
      });
      const { results } = JSON.parse(await body.text());
      if (statusCode !== 200) throw new Error(`the function answered ${statusCode}`);
      if (results?.[0]?.error === undefined) channel.ack(message);
      else {
        counts.failed++;
        if (!results[0].error.retry) counts.dead++;
        channel.nack(message, false, results[0].error.retry);
      }
    } catch (error) {
      counts.failed++;
      if (!closed) channel.nack(message, false, true);
      else throw error;
    }
  });
  return {
    get failed() {
      return counts.failed;
    },
    get dead() {
      return counts.dead;
    },
    async close() {
      closed = true;
      await connection.close();
    },
  };
}
