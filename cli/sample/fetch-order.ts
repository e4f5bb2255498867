import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import { isMissing, writeWhole } from '../files.ts';
import type { Gateway } from '../gateway.ts';
import { inParallel, whileBusy } from '../patience.ts';
import { openBar } from '../progress-bar.ts';
import type { SampleWork } from './import-samples.ts';
import { ORDERS, type Order, parseOrder } from './order.ts';

/** What links of the function begin with. */
const ROOT = '/function/sensory';
/** How long the function may hold back its answer until there is more; Ctrl-C waits no longer than this. */
const WAIT_SECONDS = 5;
/** Files in flight at once: each may be 32 MiB. */
const CONCURRENCY = 4;

/** An order that was placed before; with `done` as soon as more of it than that is there, or some seconds are over. */
export async function findOrder(gateway: Gateway, signal: AbortSignal, id: string, done?: number): Promise<Order> {
  signal.throwIfAborted();
  const path = `${ORDERS}/${encodeURIComponent(id)}${done === undefined ? '' : `?wait=${WAIT_SECONDS}&done=${done}`}`;
  return parseOrder((await whileBusy(() => gateway.call({ method: 'GET', path }), signal)).body);
}

/** Fetches each file as soon as it is there, until the order is complete. */
export async function fetchFiles({ gateway, output, signal }: SampleWork, order: Order, folder: string) {
  await mkdir(folder, { recursive: true });
  const files = new Set<string>();
  const bar = openBar(output.json ? 0 : order.size);
  const fetchOne = async ({ name, href, bytes }: Order['files'][number]) => {
    if (!files.has(name)) files.add(await fetchFile({ gateway, output, signal }, folder, name, ROOT + href, bytes));
  };
  try {
    let last = order;
    for (;;) {
      bar.update(last.done, last.size);
      await inParallel(last.files, CONCURRENCY, fetchOne);
      if (last.state === 'done') break;
      if (last.state !== 'running') {
        const why = typeof last.body.reason === 'string' ? ` (${last.body.reason})` : '';
        throw new BoxError('not_found', `Cannot fetch order ${last.id}: it is ${last.state}${why}`);
      }
      last = await findOrder(gateway, signal, last.id, last.done);
    }
    if (last.index !== undefined) await fetchOne({ name: 'index.json', href: last.index });
    return { files: [...files].sort().map((name) => join(folder, name)), last };
  } finally {
    bar.stop();
  }
}

async function fetchFile(
  { gateway, signal }: SampleWork,
  folder: string,
  name: string,
  path: string,
  length: number | undefined,
): Promise<string> {
  const file = join(folder, name);
  if (length !== undefined && (await lengthOf(file)) === length) return name;
  const bytes = await whileBusy(() => gateway.bytes(path), signal);
  if (length !== undefined && bytes.length !== length) {
    throw new BoxError('internal', `Cannot fetch ${name}: it must have ${length} bytes, got ${bytes.length}`);
  }
  await writeWhole(file, bytes);
  return name;
}

async function lengthOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
