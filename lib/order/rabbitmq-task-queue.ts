import type { Channel } from 'amqplib';

/** Where the tasks of batch orders and their results go; names and types are those of the older sample service. */
export const EXCHANGE = 'sensory.exchange';
/** One task for each shard of an order. */
export const TASK_QUEUE = 'sensory.batch.request.task.queue';
export const TASK_KEY = 'task_queue';
/** Where tasks go that were given up. */
export const DEAD_EXCHANGE = 'sensory.dead.exchange';
export const DEAD_QUEUE = 'sensory.batch.request.dead.queue';

/**
 * Makes exchanges and queues; those that are there already are left as they are. Who puts tasks on the queue does it as well as who takes
 * them: neither has to be there first. Queue types: docs/decisions/sensory-queues.md.
 */
export async function declareTaskQueue(channel: Channel): Promise<void> {
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
  await channel.assertExchange(DEAD_EXCHANGE, 'topic', { durable: true });
  await channel.assertQueue(DEAD_QUEUE, { durable: true });
  await channel.bindQueue(DEAD_QUEUE, DEAD_EXCHANGE, '#');
  await channel.assertQueue(TASK_QUEUE, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': DEAD_EXCHANGE },
  });
  await channel.bindQueue(TASK_QUEUE, EXCHANGE, TASK_KEY);
}
