import assert from 'node:assert/strict';
import { connect } from 'amqplib';
import { startRabbitmq } from '../../../local/server/rabbitmq.ts';
import { sharedRabbitmq, temporaryFolder, uniqueName } from '../../support/servers.ts';

describe('startRabbitmq', () => {
  it('takes messages on a quorum queue in each virtual host', async () => {
    const { url } = await sharedRabbitmq();
    for (const vhost of ['', '/sensory']) {
      const connection = await connect(`${url}${vhost}`);
      const channel = await connection.createConfirmChannel();
      const queue = uniqueName();
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      channel.sendToQueue(queue, Buffer.from('hello'), { persistent: true });
      await channel.waitForConfirms();
      const message = await channel.get(queue, { noAck: true });
      assert.equal(message !== false && message.content.toString(), 'hello');
      await connection.close();
    }
  });

  it('refuses a wrong password', async () => {
    const { port } = await sharedRabbitmq();
    await assert.rejects(connect(`amqp://box:wrong@127.0.0.1:${port}`), /ACCESS.REFUSED/i);
  });

  it('keeps its queues over a new start, and takes a new password', async () => {
    const dataDir = await temporaryFolder('rabbitmq');
    const first = await startRabbitmq({ dataDir, password: 'old' });
    const before = await connect(first.url);
    const channel = await before.createConfirmChannel();
    await channel.assertQueue('kept', { durable: true });
    channel.sendToQueue('kept', Buffer.from('yes'), { persistent: true });
    await channel.waitForConfirms();
    await before.close();
    await first.stop();

    const second = await startRabbitmq({ dataDir, password: 'new', port: first.port });
    try {
      const after = await connect(second.url);
      const message = await (await after.createChannel()).get('kept', { noAck: true });
      assert.equal(message !== false && message.content.toString(), 'yes');
      await after.close();
    } finally {
      await second.stop();
    }
  });
});
