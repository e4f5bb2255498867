import { type ChannelModel, connect } from 'amqplib';
import { DEAD_QUEUE, TASK_QUEUE } from '#lib/order/rabbitmq-task-queue.ts';
import type { Connection } from '../connection.ts';
import { member } from './answer.ts';
import type { Finding } from './finding.ts';

const TIMEOUT_MS = 5000;

/** RabbitMQ and the two queues of batch orders. */
export async function checkRabbitmq({ AMQP_URL = '' }: Connection): Promise<Finding[]> {
  const part = 'rabbitmq';
  const connection = await connect(AMQP_URL, { timeout: TIMEOUT_MS });
  // What ends the connection ends the call that waits, too.
  connection.on('error', () => undefined);
  try {
    const version = String(member(connection.connection.serverProperties, 'version'));
    const [tasks, dead] = [await countQueue(connection, TASK_QUEUE), await countQueue(connection, DEAD_QUEUE)];
    if (tasks === undefined) {
      const action =
        'connector and function sensory make it when they start: are they up, with the right amqp-password?';
      return [{ part, state: 'failed', what: `${version}; there is no task queue of batch orders`, action }];
    }
    const findings: Finding[] = [{ part, state: 'ok', what: `${version}, ${tasks.messages} tasks wait` }];
    if (tasks.consumers === 0) {
      const action = 'the connector does: is it up, and is its AMQP_URL right?';
      findings.push({ part, state: 'failed', what: 'nobody works on the tasks of batch orders', action });
    }
    if (dead !== undefined && dead.messages > 0) {
      const action = `faas-cli logs sensory has the reasons; the tasks are in ${DEAD_QUEUE}`;
      findings.push({ part, state: 'warning', what: `${dead.messages} tasks were given up`, action });
    }
    return findings;
  } finally {
    await connection.close();
  }
}

/** Undefined where there is no such queue: RabbitMQ closes the channel that asks. */
async function countQueue(
  connection: ChannelModel,
  name: string,
): Promise<{ messages: number; consumers: number } | undefined> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    await channel.close();
    return { messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if (member(error, 'code') === 404) return undefined;
    throw error;
  }
}
