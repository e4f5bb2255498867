import assert from 'node:assert/strict';
import { connect } from 'amqplib';
import { TASK_QUEUE } from '#lib/order/rabbitmq-task-queue.ts';
import { PACK_LIMITS } from '../../../functions/sensory/pack/packer.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';
import { digitPng } from './digits.ts';
import { API_KEY, type SensoryProcess, startSensory } from './sensory-process.ts';
import { startCourier } from './task-courier.ts';
import { openVhost } from './vhost.ts';

const COUNT = 6;
const key = { authorization: `Bearer ${API_KEY}` };

describe('orders that cannot be filled as they were placed', () => {
  let bucket: TestBucket;
  let sensory: SensoryProcess;
  let amqpUrl: string;

  async function open(broken: Readonly<Record<string, Buffer>> = {}): Promise<void> {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
    for (let n = 0; n < COUNT; n++) await bucket.store.put(`digits_8x8/data/a/${n}.png`, digitPng(n));
    for (const [name, bytes] of Object.entries(broken)) await bucket.store.put(`digits_8x8/data/a/${name}`, bytes);
    amqpUrl = await openVhost();
    sensory = await startSensory({
      s3: bucket.options,
      couchdbUrl: await couchdbUrl(),
      couchdbDatabase: uniqueName('orders'),
      amqpUrl,
    });
  }

  async function close(): Promise<void> {
    await sensory?.stop();
    await bucket?.close();
  }

  // biome-ignore lint/suspicious/noExplicitAny: an answer's JSON
  async function settled(id: string): Promise<any> {
    for (let done = 0; ; ) {
      const path = `/api/sensory/order/${id}?wait=20&done=${done}`;
      const { json } = await sensory.call('GET', path, undefined, key);
      if (json.state !== 'running') return json;
      done = json.done;
    }
  }

  async function poll(id: string): Promise<{ status: number; json: { data?: unknown; detail?: string } }> {
    for (;;) {
      const answer = await sensory.call('POST', '/api/sensory/poll', { batch_id: id });
      if (answer.status !== 200 || answer.json.data !== null) return answer;
    }
  }

  describe('with broken samples that nobody has noticed yet', () => {
    // Packing finds what is broken and takes it out of the dataset; files of this size are not packed.
    const noPicture = Buffer.alloc(PACK_LIMITS.maxBytes / 4, 'no picture');
    let courier: { close(): Promise<void> } | undefined;

    before(async () => {
      await open({ 'broken 1.png': noPicture, 'broken 2.png': noPicture });
      courier = await startCourier(amqpUrl, () => sensory.url);
    });

    after(async () => {
      await courier?.close();
      await close();
    });

    it('leaves broken samples out of files and says which', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/order', { format: 'mds' }, key);
      const done = await settled(json.id);
      assert.deepEqual([done.state, done.done, done.size], ['done', COUNT + 2, COUNT + 2], JSON.stringify(done));
      const { count, first } = done.shards[0].left_out;
      assert.deepEqual([count, first.toSorted()], [2, ['a/broken 1.png', 'a/broken 2.png']]);
      const index = await sensory.call('GET', done.links.index, undefined, key);
      assert.equal(index.json.shards[0].samples, COUNT);
    });

    it('ends an order onto the queue that cannot be filled, and tells who polls it why', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/batch', { batch_size: COUNT + 2, noise: 0 });
      const failed = await settled(json.batch_id);
      assert.equal(failed.state, 'failed');
      assert.match(failed.reason, /^Cannot draw sample a\/broken/);
      const told = await poll(json.batch_id);
      assert.equal(told.status, 422);
      assert.match(told.json.detail ?? '', /^Cannot complete order .*broken/);
    });
  });

  describe('of which a task is given up', () => {
    before(() => open());
    after(close);

    /** Takes a task and gives it up, as the connector does after its last try. */
    async function giveUp(): Promise<void> {
      const connection = await connect(amqpUrl);
      const channel = await connection.createChannel();
      for (;;) {
        const message = await channel.get(TASK_QUEUE, { noAck: false });
        if (message === false) continue;
        channel.nack(message, false, false);
        break;
      }
      await channel.close();
      await connection.close();
    }

    it('fails, for who waits for its files', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/order', { format: 'npz', size: 2 }, key);
      const waiting = settled(json.id);
      await giveUp();
      const failed = await waiting;
      assert.equal(failed.state, 'failed');
      assert.match(failed.reason, /given up/);
    });

    it('fails, for who polls it', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/batch', { batch_size: 2, noise: 0 });
      const polling = poll(json.batch_id);
      await giveUp();
      const told = await polling;
      assert.equal(told.status, 422);
      assert.match(told.json.detail ?? '', /given up/);
    });

    it('hands out what there is before it tells that no more comes', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/batch', { batch_size: 3, noise: 0 });
      const courier = await startCourier(amqpUrl, () => sensory.url);
      await settled(json.batch_id);
      await courier.close();
      for (let n = 0; n < 3; n++) assert.equal((await poll(json.batch_id)).status, 200);
      const end = await sensory.call('POST', '/api/sensory/poll', { batch_id: json.batch_id });
      assert.deepEqual([end.status, end.json.data], [200, null]);
    });
  });
});
