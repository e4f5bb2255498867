import assert from 'node:assert/strict';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import { freePort } from '../../../local/server/free-port.ts';
import { type S3Server, startMinio } from '../../../local/server/minio.ts';
import { type RabbitmqServer, startRabbitmq } from '../../../local/server/rabbitmq.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { makeBucket } from '../../support/s3-bucket.ts';
import { temporaryFolder, uniqueName } from '../../support/servers.ts';
import { type ConnectorProcess, startConnector } from './connector-process.ts';
import { digitPng, numberOf } from './digits.ts';
import { type SensoryOptions, type SensoryProcess, startSensory } from './sensory-process.ts';

/** The whole trial: `SURVIVAL_SAMPLES=20000 SURVIVAL_STORES=2000 npx mocha test/functions/sensory/survival.test.ts`. */
const COUNT = Number(process.env.SURVIVAL_SAMPLES ?? 300);
const STORES = Number(process.env.SURVIVAL_STORES ?? 120);
const STORES_AT_ONCE = 4;
const POLLS_AT_ONCE = 8;
const SHARD_SIZE = COUNT <= 1000 ? 100 : 5000;
/** How far an order is, or how many samples are stored, when the victim is ended. */
const STRIKE_AT = 60;
const FILL_AT_ONCE = 32;

/** Servers of this test's own, since it ends them as a power cut would, and starts them again with what they kept. */
describe('an order and stores while servers are killed', function () {
  this.timeout(300_000 + (COUNT + STORES) * 30);
  let minio: S3Server;
  let rabbitmq: RabbitmqServer;
  let sensory: SensoryProcess;
  let options: SensoryOptions;
  let minioDir: string;
  let rabbitDir: string;
  let connector: ConnectorProcess | undefined;

  before(async () => {
    minioDir = await temporaryFolder('minio');
    rabbitDir = await temporaryFolder('rabbitmq');
    minio = await startMinio({ dataDir: minioDir });
    rabbitmq = await startRabbitmq({ dataDir: rabbitDir });
    const s3 = await makeBucket(minio, 'thebox-samples');
    const store = openS3BlobStore(s3);
    await inParallel(COUNT, FILL_AT_ONCE, (n) => store.put(`digits_8x8/data/${n % 3}/${n}.png`, digitPng(n)));
    store.close();
    options = {
      s3,
      couchdbUrl: await couchdbUrl(),
      couchdbDatabase: uniqueName('orders'),
      amqpUrl: `${rabbitmq.url}/sensory`,
      env: { SHARD_SIZE: String(SHARD_SIZE), LIST_SECONDS: '60' },
      // One that no connection is given while the function is away.
      port: await freePort(),
    };
    sensory = await startSensory(options);
    await untilPacked();
    connector = await startConnector(options.amqpUrl, () => sensory.url);
  });

  after(async () => {
    await connector?.stop();
    await sensory?.stop();
    await rabbitmq?.stop();
    await minio?.stop();
  });

  /** As a dataset is that trainers order from; what is not packed is read one by one. */
  async function untilPacked(): Promise<void> {
    for (let packed = 0; packed < COUNT; ) {
      const { json } = await sensory.call('GET', '/api/sensory/dataset/digits_8x8');
      packed = json.packed ?? 0;
    }
  }

  const victims: Record<string, () => Promise<void>> = {
    async 'the function'() {
      await sensory.kill();
      sensory = await startSensory(options);
    },
    async RabbitMQ() {
      const { port, user, password } = rabbitmq;
      await rabbitmq.kill();
      rabbitmq = await startRabbitmq({ dataDir: rabbitDir, port, user, password });
    },
    async MinIO() {
      const { port, accessKey, secretKey } = minio;
      await minio.kill();
      minio = await startMinio({ dataDir: minioDir, port, accessKey, secretKey });
    },
    async 'the connector'() {
      await connector?.kill();
      connector = await startConnector(options.amqpUrl, () => sensory.url);
    },
  };

  for (const [name, strike] of Object.entries(victims)) {
    it(`completes an order with each sample once by poll when ${name} is killed`, async () => {
      const { json } = await insist('/api/sensory/batch', { batch_size: COUNT, noise: 0 });
      const got: number[] = [];
      let striking: Promise<void> | undefined;
      const poll = async () => {
        while (got.length < COUNT) {
          const answer = await insist('/api/sensory/poll', { batch_id: json.batch_id });
          if (answer.json.data !== null) got.push(numberOf(answer.json.data));
          if (got.length === STRIKE_AT) striking ??= strike();
        }
      };
      await Promise.all(Array.from({ length: POLLS_AT_ONCE }, poll));
      await striking;
      await drained(json.batch_id, got);
      assert.equal(new Set(got).size, COUNT, 'every sample came');
      // Killed between an answer and its acknowledgement, the function cannot know that it has answered.
      const twice = name === 'the function' ? POLLS_AT_ONCE : 0;
      assert.ok(got.length <= COUNT + twice, `${got.length} of ${COUNT}`);
      const end = await insist('/api/sensory/poll', { batch_id: json.batch_id });
      assert.equal(end.json.data, null);
    });

    it(`keeps every sample whose store it acknowledged when ${name} is killed`, async () => {
      const dataset = uniqueName('stored');
      let striking: Promise<void> | undefined;
      const acknowledged: number[] = [];
      await inParallel(STORES, STORES_AT_ONCE, async (n) => {
        const body = { name: dataset, width: 8, height: 8, category: 'x', data: digitPng(n).toString('base64') };
        if (n === STRIKE_AT) striking = strike();
        // Nobody tries again here: what was not acknowledged may be lost.
        const answer = await sensory.call('POST', '/api/sensory/store', body).catch(() => undefined);
        if (answer?.status === 200) acknowledged.push(n);
        else await striking;
      });
      await striking;
      const store = openS3BlobStore(options.s3);
      const keys: string[] = [];
      for await (const { key } of store.list(`${dataset}_8x8/data/`)) keys.push(key);
      const kept = new Set<string>();
      await inParallel(keys.length, FILL_AT_ONCE, async (i) => {
        kept.add((await store.get(keys[i] as string)).bytes.toString('base64'));
      });
      store.close();
      const lost = STORES - acknowledged.length;
      assert.ok(lost <= STORES / 4, `${lost} of ${STORES} were not acknowledged`);
      assert.deepEqual(
        acknowledged.filter((n) => !kept.has(digitPng(n).toString('base64'))),
        [],
      );
    });
  }

  /** Takes what is left on the order's queue: what came twice stands before what came last. */
  async function drained(batchId: string, got: number[]): Promise<void> {
    for (;;) {
      const { json } = await insist('/api/sensory/poll', { batch_id: batchId });
      if (json.data !== null) got.push(numberOf(json.data));
      else if (new Set(got).size === COUNT) return;
    }
  }

  /** Asks until it is answered, as a trainer does; mocha's timeout is the bound. */
  async function insist(path: string, body: unknown) {
    for (;;) {
      const answer = await sensory.call('POST', path, body).catch(() => undefined);
      if (answer && answer.status < 500) return answer;
    }
  }
});

async function inParallel(count: number, atOnce: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < count; n = next++) await work(n);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
