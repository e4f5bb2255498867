/**
 * Samples in and batches out, beside the raw S3 read of the same bytes and beside the older way in Python, in the same
 * run, against the function itself, without gateway and connector. Ways that are compared take turns, so that a neighbour on
 * the machine slows all of them.
 */
import { connect } from 'amqplib';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { errorText } from '#lib/error/box-error.ts';
import { startSensory } from '../test/functions/sensory/sensory-process.ts';
import { startCourier } from '../test/functions/sensory/task-courier.ts';
import { couchdbUrl } from '../test/support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS } from '../test/support/s3-bucket.ts';
import { sharedRabbitmq, stopSharedServers, uniqueName } from '../test/support/servers.ts';
import { median } from './figure/median.ts';
import { type OlderWay, openOlderWay } from './sensory/older-way.ts';
import { measureOrder, type OrderRates } from './sensory/orders.ts';
import {
  DATASET,
  openService,
  picture,
  rate,
  type Service,
  SIDE,
  show,
  timed,
  untilPacked,
} from './sensory/service.ts';

export const about = 'stores, direct batches, orders and streams a second, beside raw S3 and the older way in Python';

const STORES = 500;
const OLDER_SAMPLES = 3000;
const FORMATS = ['stream', 'npz', 'arrow', 'mds', 'webdataset'];

/** How many samples an order and an epoch have, and how often each is measured: `npm run bench -- sensory 5000 3` for less. */
let samples = 20_000;
let rounds = 5;

export async function run(args: readonly string[]): Promise<void> {
  samples = Number(args[0] ?? samples);
  rounds = Number(args[1] ?? rounds);
  const bucket = await openTestBucket(S3_SERVERS.MinIO);
  const amqpUrl = `${(await sharedRabbitmq()).url}/sensory`;
  const sensory = await startSensory({
    s3: bucket.options,
    couchdbUrl: await couchdbUrl(),
    couchdbDatabase: uniqueName('orders'),
    amqpUrl,
    env: { DATASET_NAME: 'bench', DATASET_WIDTH: String(SIDE), DATASET_HEIGHT: String(SIDE), LIST_SECONDS: '20' },
  });
  const courier = await startCourier(amqpUrl, () => sensory.url);
  const service = openService(sensory.url);
  const { store } = bucket;
  try {
    const older = await olderWay(amqpUrl);
    await measureStores(service);
    await rate(samples, 32, (n) => store.put(`${DATASET}/data/${n % 10}/${n}.png`, picture(n)));
    const [packed] = await timed(samples, () => untilPacked(service, store, samples));
    line('found, decoded and packed', packed.toFixed(0));
    await measureRequests(service);
    await measureFeeds(service, store, older);
    await measureOldOrder(service, amqpUrl);
  } finally {
    await service.close();
    await courier.close();
    await sensory.stop();
    await bucket.close();
    await stopSharedServers();
  }
}

async function olderWay(amqpUrl: string): Promise<OlderWay | undefined> {
  try {
    return await openOlderWay(
      Array.from({ length: OLDER_SAMPLES }, (_, n) => picture(n)),
      SIDE,
      amqpUrl,
    );
  } catch (error) {
    console.log(`the older way is not measured: ${errorText(error)} (BENCH_PYTHON names a Python with its packages)`);
    return undefined;
  }
}

function line(what: string, said: string): void {
  console.log(what.padEnd(44), said, 'samples/s');
}

async function measureStores(service: Service): Promise<void> {
  const store = (n: number) =>
    service.post('/api/sensory/store', {
      name: 'stores',
      width: SIDE,
      height: SIDE,
      category: String(n % 10),
      data: picture(n).toString('base64'),
    });
  await rate(50, 8, store);
  for (const atOnce of [1, 16]) {
    const count = atOnce === 1 ? STORES / 5 : STORES;
    line(`store, ${atOnce} at once`, (await rate(count, atOnce, store)).toFixed(0));
  }
}

async function measureRequests(service: Service): Promise<void> {
  for (const noise of [0, 1]) {
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const started = performance.now();
      await service.post('/api/sensory/request', { batch_size: 256, noise });
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const [p50, p95] = [times[10] ?? 0, times[18] ?? 0];
    line(
      `request of 256, noise ${noise}`,
      `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, ${(256_000 / p50).toFixed(0)}`,
    );
  }
}

/** The stream, orders in each format, the raw S3 read of the same bytes and the older way, in turns. */
async function measureFeeds(service: Service, store: BlobStore, older: OlderWay | undefined): Promise<void> {
  const shards: { key: string; size: number }[] = [];
  for await (const entry of store.list(`${DATASET}/box/shard/`)) shards.push(entry);
  const epochs = { stream: [] as number[], raw: [] as number[] };
  const olderRates = { work: [] as number[], queue: [] as number[] };
  const orders = new Map<string, OrderRates[]>(FORMATS.map((format) => [format, []]));
  for (let round = 0; round < rounds; round++) {
    if (older) {
      olderRates.work.push(await older.work());
      olderRates.queue.push(await older.throughQueue());
    }
    epochs.stream.push(await streamEpoch(service, round));
    epochs.raw.push(await readPixels(store, shards));
    for (const format of FORMATS) {
      const rates = await measureOrder(service, store, { format, seed: `round ${round}`, size: samples });
      orders.get(format)?.push(rates);
    }
  }
  const beside = olderRates.queue.length === 0 ? undefined : median(olderRates.queue);
  if (beside !== undefined) {
    line('older way in Python, its work alone', show(olderRates.work));
    line('older way in Python, through RabbitMQ', show(olderRates.queue));
  }
  tell(`stream, an epoch of ${samples}`, epochs.stream, epochs.raw, beside);
  line('  raw S3 read of the same pixels', show(epochs.raw));
  for (const [format, rates] of orders) {
    const of = (which: keyof OrderRates) => rates.map((one) => one[which]);
    tell(`${format}, ordered, made and read`, of('made'), of('raw'), beside);
    tell(`${format}, its files read again`, of('read'), of('raw'), beside);
    tell(`${format}, its files read by link`, of('linked'), of('raw'), beside);
    line('  raw S3 read of the same files', show(of('raw')));
  }
}

function tell(what: string, rates: readonly number[], raw: readonly number[], older: number | undefined): void {
  const ratios = [
    ...(older === undefined ? [] : [`${(median(rates) / older).toFixed(1)} x the older way`]),
    `${(median(rates) / median(raw)).toFixed(2)} of the raw read`,
  ];
  console.log(what.padEnd(44), show(rates), 'samples/s,', ratios.join(', '));
}

async function streamEpoch(service: Service, seed: number): Promise<number> {
  const path = `/api/sensory/stream?dataset=${DATASET}&seed=${seed}&batch_size=1024`;
  const [measured, { length }] = await timed(samples, () => service.get(path));
  if (length < samples * SIDE * SIDE) throw new Error(`the stream has ${length} bytes`);
  return measured;
}

/** As many bytes of packed shards as the pixels of all samples have. */
async function readPixels(store: BlobStore, shards: readonly { key: string; size: number }[]): Promise<number> {
  const share = Math.ceil((samples * SIDE * SIDE) / shards.length);
  const started = performance.now();
  const read = await Promise.all(
    shards.map(({ key, size }) => store.get(key, { range: { start: 0, length: Math.min(size, share) } })),
  );
  const bytes = read.reduce((sum, blob) => sum + blob.bytes.length, 0);
  return bytes / (SIDE * SIDE) / ((performance.now() - started) / 1000);
}

async function measureOldOrder(service: Service, amqpUrl: string): Promise<void> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createChannel();
  const [measured] = await timed(samples, async () => {
    const placed = await service.post('/api/sensory/batch', { batch_size: samples, noise: 0 });
    const { batch_id: id } = JSON.parse(placed.toString());
    for (let got = 0; got < samples; ) {
      const message = await channel.get(id, { noAck: true });
      if (message !== false) got++;
    }
  });
  line(`order of ${samples} through the old queue`, measured.toFixed(0));
  await connection.close();
}
