import { Pool } from 'undici';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { DATASET, type Service, timed } from './service.ts';

interface OrderBody {
  readonly id: string;
  readonly state: string;
  readonly done: number;
  readonly shards: readonly { readonly name: string; readonly href: string; readonly presigned: string }[];
  readonly links: { readonly self: string };
}

/** Samples a second of one order. */
export interface OrderRates {
  /** From the order's placing until the last byte of its files is read through the function. */
  readonly made: number;
  /** Its finished files read once more, as every epoch does: through the function, and from S3 by their links. */
  readonly read: number;
  readonly linked: number;
  /** The same files read with the S3 client alone. */
  readonly raw: number;
}

/** Places an order, reads each file as soon as it is there, and then all of them again in each way that there is. */
export async function measureOrder(
  service: Service,
  store: BlobStore,
  order: { readonly format: string; readonly seed: string; readonly size: number },
): Promise<OrderRates> {
  const { size } = order;
  const [made, done] = await timed(size, () => makeAndRead(service, { dataset: DATASET, ...order }));
  const { id, shards } = done;
  const [read] = await timed(size, () => Promise.all(shards.map(({ href }) => service.get(href))));
  const [linked] = await timed(size, () => readLinks(shards.map(({ presigned }) => presigned)));
  const keys = shards.map(({ name }) => `${DATASET}/box/order/${id}/${name}`);
  const [raw] = await timed(size, () => Promise.all(keys.map((key) => store.get(key))));
  return { made, read, linked, raw };
}

async function makeAndRead(service: Service, body: object): Promise<OrderBody> {
  let order = parse(await service.post('/api/sensory/order', body));
  const reading = new Map<string, Promise<Buffer>>();
  for (;;) {
    for (const { name, href } of order.shards) {
      if (name !== undefined && !reading.has(name)) reading.set(name, service.get(href));
    }
    if (order.state !== 'running') break;
    order = parse(await service.get(`${order.links.self}?wait=30&done=${order.done}`));
  }
  if (order.state !== 'done') throw new Error(`order ${order.id} is ${order.state}`);
  await Promise.all(reading.values());
  return order;
}

async function readLinks(links: readonly string[]): Promise<void> {
  const pool = new Pool(new URL(links[0] ?? '').origin, { connections: 16 });
  await Promise.all(
    links.map(async (link) => {
      const { pathname, search } = new URL(link);
      const { statusCode, body } = await pool.request({ method: 'GET', path: pathname + search });
      await body.arrayBuffer();
      if (statusCode !== 200) throw new Error(`${pathname}: ${statusCode}`);
    }),
  );
  await pool.close();
}

function parse(bytes: Buffer): OrderBody {
  return JSON.parse(bytes.toString());
}
