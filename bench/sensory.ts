/**
 * Samples in and batches out, beside the raw S3 read of the same bytes and beside the older way in Python, in the same
 * run, against the function itself, without gateway and connector. Ways that are compared take turns, so that a neighbour on the machine slows all of them.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { Pool } from 'undici';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { encodePng } from '#lib/image/png.ts';
import { API_KEY, startSensory } from '../test/functions/sensory/sensory-process.ts';
import { startCourier } from '../test/functions/sensory/task-courier.ts';
import { couchdbUrl } from '../test/support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS } from '../test/support/s3-bucket.ts';
import { sharedRabbitmq, stopSharedServers, temporaryFolder, uniqueName } from '../test/support/servers.ts';

export const about = 'stores, direct batches, orders and streams a second, beside raw S3 and the older way in Python';

const SIDE = 28;
const STORES = 500;
const ROUNDS = 3;
const DATASET = `bench_${SIDE}x${SIDE}`;

/** How many samples an order and an epoch have; `npm run bench -- sensory 5000` for fewer. */
let samples = 20_000;

/** The older way: a file per sample through Pillow, one JSON message of floats each; no network. */
const OLDER_WAY = `
import json, os, random, sys, time
import numpy
from PIL import Image
folder, side = sys.argv[1], int(sys.argv[2])
files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
start = time.perf_counter()
for name in files:
    image = Image.open(name).convert("L").resize((side, side), Image.Resampling.LANCZOS)
    data = numpy.array(image, dtype=float).flatten()
    json.dumps({"label": [0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "data": data.tolist()})
print(len(files) / (time.perf_counter() - start))
`;

interface Service {
  readonly get: (path: string) => Promise<{ status: number; bytes: Buffer }>;
  readonly post: (path: string, body: object) => Promise<{ status: number; bytes: Buffer }>;
  readonly close: () => Promise<void>;
}

export async function run(args: readonly string[]): Promise<void> {
  samples = Number(args[0] ?? samples);
  const bucket = await openTestBucket(S3_SERVERS.MinIO);
  const amqpUrl = `${(await sharedRabbitmq()).url}/sensory`;
  const sensory = await startSensory({
    s3: bucket.options,
    couchdbUrl: await couchdbUrl(),
    couchdbDatabase: uniqueName('orders'),
    amqpUrl,
    env: { DATASET_NAME: 'bench', DATASET_WIDTH: String(SIDE), DATASET_HEIGHT: String(SIDE) },
  });
  const courier = await startCourier(amqpUrl, () => sensory.url);
  const service = openService(sensory.url);
  const store = bucket.store;
  try {
    await measureStores(service);
    await fill(store);
    await untilPacked(service, store);
    await measureRequests(service);
    await measureStream(service, store);
    for (const format of ['npz', 'arrow', 'webdataset', 'mds', 'stream']) await measureOrder(service, format);
    await measureOldOrder(service, amqpUrl);
  } finally {
    await service.close();
    await courier.close();
    await sensory.stop();
    await bucket.close();
    await stopSharedServers();
  }
}

function openService(url: string): Service {
  const pool = new Pool(url, { connections: 16, bodyTimeout: 0, headersTimeout: 0 });
  const headers = { 'API-ACCESS-KEY': API_KEY, 'API-VERSION': '0.3.0' };
  const call = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await pool.request({
      method,
      path,
      headers: { ...headers, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${bytes.subarray(0, 300)}`);
    return { status: answer.statusCode, bytes };
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    close: () => pool.close(),
  };
}

function picture(n: number): Buffer {
  const data = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => Math.sin(i / 40 + n) * 100 + 128 + ((i * n) % 17));
  return encodePng({ width: SIDE, height: SIDE, channels: 1, data });
}

/** Does `count` pieces of work, so many at once, and gives how many were done a second. */
async function rate(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - started) / 1000);
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
    console.log(`store, ${atOnce} at once`.padEnd(40), (await rate(count, atOnce, store)).toFixed(0), 'samples/s');
  }
}

async function fill(store: BlobStore): Promise<void> {
  await rate(samples, 32, (n) => store.put(`${DATASET}/data/${n % 10}/${n}.png`, picture(n)));
}

/** Waits until the dataset is known and its shards hold every sample. */
async function untilPacked(service: Service, store: BlobStore): Promise<void> {
  const started = performance.now();
  for (;;) {
    await service.get('/api/sensory/category');
    let newest = '';
    for await (const { key } of store.list(`${DATASET}/box/manifest/`, { pageSize: 1 })) {
      newest = key;
      break;
    }
    if (newest !== '') {
      const manifest: { shards: { count: number }[] } = JSON.parse((await store.get(newest)).bytes.toString());
      if (manifest.shards.reduce((sum, { count }) => sum + count, 0) >= samples) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const seconds = (performance.now() - started) / 1000;
  console.log('found, decoded and packed'.padEnd(40), (samples / seconds).toFixed(0), 'samples/s');
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
    console.log(
      `request of 256, noise ${noise}`.padEnd(40),
      `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, ${(256_000 / p50).toFixed(0)} samples/s`,
    );
  }
}

/** The stream, the raw S3 read of the same pixels, and the older way, in turns. */
async function measureStream(service: Service, store: BlobStore): Promise<void> {
  const shards: { key: string; size: number }[] = [];
  for await (const entry of store.list(`${DATASET}/box/shard/`)) shards.push(entry);
  const pixelBytes = samples * SIDE * SIDE;
  const files = await olderFiles();
  const rates = { stream: [] as number[], raw: [] as number[], older: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const { bytes } = await service.get(`/api/sensory/stream?dataset=${DATASET}&seed=${round}&batch_size=1024`);
    if (bytes.length < pixelBytes) throw new Error(`the stream has ${bytes.length} bytes`);
    rates.stream.push(samples / ((performance.now() - started) / 1000));
    const rawStarted = performance.now();
    const read = await Promise.all(
      shards.map(({ key, size }) =>
        store.get(key, { range: { start: 0, length: Math.min(size, Math.ceil(pixelBytes / shards.length)) } }),
      ),
    );
    const rawBytes = read.reduce((sum, { bytes }) => sum + bytes.length, 0);
    rates.raw.push(rawBytes / (SIDE * SIDE) / ((performance.now() - rawStarted) / 1000));
    const older = await olderWay(files);
    if (older !== undefined) rates.older.push(older);
  }
  const [stream, raw, older] = [median(rates.stream), median(rates.raw), median(rates.older)];
  console.log(`stream, an epoch of ${samples}`.padEnd(40), show(rates.stream), 'samples/s');
  console.log('raw S3 read of the same bytes'.padEnd(40), show(rates.raw), 'samples/s');
  console.log('  stream / raw'.padEnd(40), (stream / raw).toFixed(2));
  if (rates.older.length === 0) {
    console.log('the older way is not measured: python3 with Pillow and numpy is not there (BENCH_PYTHON names one)');
    return;
  }
  console.log('the older way in Python, no network'.padEnd(40), show(rates.older), 'samples/s');
  console.log('  stream / older way'.padEnd(40), (stream / older).toFixed(1));
}

async function olderFiles(): Promise<string> {
  const files = await temporaryFolder('older-way');
  for (let n = 0; n < 2000; n++) await writeFile(join(files, `${n}.png`), picture(n));
  return files;
}

async function olderWay(files: string): Promise<number | undefined> {
  const python = process.env.BENCH_PYTHON ?? 'python3';
  const run = promisify(execFile);
  try {
    await run(python, ['-c', 'import numpy, PIL']);
  } catch {
    return undefined;
  }
  const { stdout } = await run(python, ['-c', OLDER_WAY, files, String(SIDE)]);
  return Number(stdout);
}

async function measureOrder(service: Service, format: string): Promise<void> {
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const placed = await service.post('/api/sensory/order', { dataset: DATASET, format, seed: round, size: samples });
    let order = JSON.parse(placed.bytes.toString());
    while (order.state === 'running') order = JSON.parse((await service.get(order.links.self)).bytes.toString());
    const files: string[] = order.shards.map(({ href }: { href: string }) => href);
    await Promise.all(files.map((href) => service.get(href)));
    rates.push(samples / ((performance.now() - started) / 1000));
  }
  console.log(`order of ${samples} as ${format}`.padEnd(40), show(rates), 'samples/s');
}

async function measureOldOrder(service: Service, amqpUrl: string): Promise<void> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createChannel();
  const started = performance.now();
  const placed = await service.post('/api/sensory/batch', { batch_size: samples, noise: 0 });
  const { batch_id: id } = JSON.parse(placed.bytes.toString());
  for (let got = 0; got < samples; ) {
    const message = await channel.get(id, { noAck: true });
    if (message !== false) got++;
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`order of ${samples} through the old queue`.padEnd(40), (samples / seconds).toFixed(0), 'samples/s');
  await connection.close();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function show(values: readonly number[]): string {
  return `${median(values).toFixed(0)} (${values.map((value) => value.toFixed(0)).join(', ')})`;
}
