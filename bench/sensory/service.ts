import { Pool } from 'undici';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { encodePng } from '#lib/image/png.ts';
import { API_KEY } from '../../test/functions/sensory/sensory-process.ts';
import { median } from '../figure/median.ts';

export const SIDE = 28;
export const DATASET = `bench_${SIDE}x${SIDE}`;

/** The function as its clients see it. */
export interface Service {
  get(path: string): Promise<Buffer>;
  post(path: string, body: object): Promise<Buffer>;
  close(): Promise<void>;
}

export function openService(url: string, key = API_KEY): Service {
  const pool = new Pool(url, { connections: 16, bodyTimeout: 0, headersTimeout: 0 });
  const headers = { 'API-ACCESS-KEY': key, 'API-VERSION': '0.3.0', 'content-type': 'application/json' };
  const call = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await pool.request({ method, path, headers, ...(body && { body: JSON.stringify(body) }) });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${bytes.subarray(0, 300)}`);
    return bytes;
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    close: () => pool.close(),
  };
}

/** One of many pictures, no two alike. */
export function picture(n: number): Buffer {
  const data = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => Math.sin(i / 40 + n) * 100 + 128 + ((i * n) % 17));
  return encodePng({ width: SIDE, height: SIDE, channels: 1, data });
}

/** Does `count` pieces of work, so many at once, and gives how many were done a second. */
export async function rate(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - started) / 1000);
}

/** How many samples a second `work` is done with. */
export async function timed<T>(samples: number, work: () => Promise<T>): Promise<[rate: number, result: T]> {
  const started = performance.now();
  const result = await work();
  return [samples / ((performance.now() - started) / 1000), result];
}

/** Waits until the dataset is known and its shards hold every sample. */
export async function untilPacked(service: Service, store: BlobStore, samples: number): Promise<void> {
  for (;;) {
    await service.get('/api/sensory/category');
    let newest = '';
    for await (const { key } of store.list(`${DATASET}/box/manifest/`, { pageSize: 1 })) {
      newest = key;
      break;
    }
    if (newest !== '') {
      const manifest: { shards: { count: number }[] } = JSON.parse((await store.get(newest)).bytes.toString());
      if (manifest.shards.reduce((sum, { count }) => sum + count, 0) >= samples) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The median of rates, and all of them. */
export function show(values: readonly number[]): string {
  return `${median(values).toFixed(0)} (${values.map((value) => value.toFixed(0)).join(', ')})`;
}
