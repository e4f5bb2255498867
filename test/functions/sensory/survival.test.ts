import assert from 'node:assert/strict';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import { type S3Server, startMinio } from '../../../local/server/minio.ts';
import { type RabbitmqServer, startRabbitmq } from '../../../local/server/rabbitmq.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { makeBucket } from '../../support/s3-bucket.ts';
import { temporaryFolder, uniqueName } from '../../support/servers.ts';
import { digitPng, numberOf } from './digits.ts';
import { type SensoryOptions, type SensoryProcess, startSensory } from './sensory-process.ts';
import { startCourier } from './task-courier.ts';

const COUNT = 300;
/** How far an order is, or how many samples are stored, when the victim is ended. */
const STRIKE_AT = 60;

/** Servers of this test's own, since it ends them as a power cut would, and starts them again with what they kept. */
describe('an order and stores while servers are killed', function () {
  this.timeout(120_000);
  let minio: S3Server;
  let rabbitmq: RabbitmqServer;
  let sensory: SensoryProcess;
  let options: SensoryOptions;
  let minioDir: string;
  let rabbitDir: string;
  let courier: { close(): Promise<void> } | undefined;

  before(async () => {
    minioDir = await temporaryFolder('minio');
    rabbitDir = await temporaryFolder('rabbitmq');
    minio = await startMinio({ dataDir: minioDir });
    rabbitmq = await startRabbitmq({ dataDir: rabbitDir });
    const s3 = await makeBucket(minio, 'thebox-samples');
    const store = openS3BlobStore(s3);
    for (let at = 0; at < COUNT; at += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          store.put(`digits_8x8/data/${(at + i) % 3}/${at + i}.png`, digitPng(at + i)),
        ),
      );
    }
    store.close();
    options = {
      s3,
      couchdbUrl: await couchdbUrl(),
      couchdbDatabase: uniqueName('orders'),
      amqpUrl: `${rabbitmq.url}/sensory`,
      env: { SHARD_SIZE: '100', LIST_SECONDS: '60' },
    };
    sensory = await startSensory(options);
    options = { ...options, port: sensory.port };
    await carry();
  });

  after(async () => {
    await courier?.close();
    await sensory?.stop();
    await rabbitmq?.stop();
    await minio?.stop();
  });

  /** Takes tasks to the function, again after RabbitMQ was away. */
  async function carry(): Promise<void> {
    courier = await startCourier(options.amqpUrl, () => sensory.url);
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
      await carry();
    },
    async MinIO() {
      const { port, accessKey, secretKey } = minio;
      await minio.kill();
      minio = await startMinio({ dataDir: minioDir, port, accessKey, secretKey });
    },
    async 'what carries the tasks'() {
      await courier?.close();
      await carry();
    },
  };

  for (const [name, strike] of Object.entries(victims)) {
    it(`completes an order with each sample once by poll when ${name} is killed`, async () => {
      const { json } = await insist('/api/sensory/batch', { batch_size: COUNT, noise: 0 });
      const got: number[] = [];
      let striking: Promise<void> | undefined;
      while (got.length < COUNT) {
        const answer = await insist('/api/sensory/poll', { batch_id: json.batch_id });
        if (answer.json.data !== null) got.push(numberOf(answer.json.data));
        if (got.length === STRIKE_AT) striking ??= strike();
      }
      await striking;
      assert.equal(new Set(got).size, COUNT);
      const end = await insist('/api/sensory/poll', { batch_id: json.batch_id });
      assert.equal(end.json.data, null);
    });

    it(`keeps every sample whose store it acknowledged when ${name} is killed`, async () => {
      const dataset = uniqueName('stored');
      let striking: Promise<void> | undefined;
      const acknowledged: number[] = [];
      for (let n = 0; n < 120; n++) {
        const body = { name: dataset, width: 8, height: 8, category: 'x', data: digitPng(n).toString('base64') };
        if (n === STRIKE_AT) striking = strike();
        // Nobody tries again here: what was not acknowledged may be lost.
        const answer = await sensory.call('POST', '/api/sensory/store', body).catch(() => undefined);
        if (answer?.status === 200) acknowledged.push(n);
      }
      await striking;
      const store = openS3BlobStore(options.s3);
      const kept = new Set<number>();
      for await (const { key } of store.list(`${dataset}_8x8/data/`)) {
        const { bytes } = await store.get(key);
        for (const n of acknowledged) if (!kept.has(n) && bytes.equals(digitPng(n))) kept.add(n);
      }
      store.close();
      assert.ok(acknowledged.length >= STRIKE_AT);
      assert.deepEqual(
        [...kept].toSorted((a, b) => a - b),
        acknowledged,
      );
    });
  }

  /** Asks until it is answered, as a trainer does; mocha's timeout is the bound. */
  async function insist(path: string, body: unknown) {
    for (;;) {
      const answer = await sensory.call('POST', path, body).catch(() => undefined);
      if (answer && answer.status < 500) return answer;
    }
  }
});
