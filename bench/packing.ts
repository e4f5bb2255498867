/** What packing costs: processor time and bytes written for each picture, where many are there at once and where few are. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../functions/sensory/catalogue/catalogue.ts';
import { reconcile } from '../functions/sensory/catalogue/reconcile.ts';
import { mergeNext } from '../functions/sensory/pack/merge.ts';
import { PACK_LIMITS, packNext } from '../functions/sensory/pack/packer.ts';
import { storeSample } from '../functions/sensory/store-sample.ts';
import { startMinio } from '../local/server/minio.ts';
import { makeBucket } from '../test/support/s3-bucket.ts';
import { picture, rate, SIDE } from './sensory/service.ts';

export const about = 'processor time and bytes written to S3 for each picture that is packed, in bulk and trickling in';

const COPIED = 2000;
const STORED = 600;
/** Pictures that are there when the function packs: many come at once, or one a second, and its patience is ten seconds. */
const AT_A_TIME = [300, 10];
const LIMITS = { ...PACK_LIMITS, patienceMs: 0 };

/** Measures and prints, of 28x28 on MinIO; the processor time is that of packing and merging alone. */
export async function run(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'box-bench-'));
  const minio = await startMinio({ dataDir });
  const store = openS3BlobStore(await makeBucket(minio, 'bench'));
  try {
    await measure('copied in by another tool', store, copied);
    for (const atATime of AT_A_TIME) await measure(`stored, packed ${atATime} at a time`, store, stored(atATime));
  } finally {
    store.close();
    await minio.stop();
    await rm(dataDir, { recursive: true });
  }
}

type Fill = (store: BlobStore, catalogue: Catalogue, pack: () => Promise<void>) => Promise<number>;

async function copied(store: BlobStore, catalogue: Catalogue, pack: () => Promise<void>): Promise<number> {
  await rate(COPIED, 16, (n) => store.put(`${catalogue.places.data}${n % 10}/${n}.png`, picture(n)));
  await reconcile(store, catalogue);
  await pack();
  return COPIED;
}

function stored(atATime: number): Fill {
  return async (store, catalogue, pack) => {
    for (let n = 0; n < STORED; n++) {
      const sample = { category: String(n % 10), bytes: picture(n), contentType: 'image/png', extension: 'png' };
      await storeSample(store, catalogue, sample);
      if ((n + 1) % atATime === 0) await pack();
    }
    return STORED;
  };
}

async function measure(what: string, store: BlobStore, fill: Fill): Promise<void> {
  let bytes = 0;
  const counting: BlobStore = {
    ...store,
    put(key, content, options) {
      if (key.includes('/box/shard/')) bytes += content.length;
      return store.put(key, content, options);
    },
  };
  const dataset = { name: what.replaceAll(/\W+/g, '-'), width: SIDE, height: SIDE };
  const catalogue = openCatalogue(counting, dataset, openLog('bench', 'warn'));
  let micros = 0;
  const count = await fill(counting, catalogue, async () => {
    await catalogue.snapshot();
    const before = process.cpuUsage();
    while ((await packNext(counting, catalogue, LIMITS)) > 0);
    while ((await mergeNext(counting, catalogue, LIMITS)) > 0);
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
  });
  const { shards } = (await catalogue.snapshot()).manifest;
  const each = `${(micros / 1000 / count).toFixed(2)} ms of processor, ${(bytes / count).toFixed(0)} bytes of shards`;
  console.log(`${count} pictures ${what}: for each ${each}; ${shards.length} shards`);
  await catalogue.close();
}
