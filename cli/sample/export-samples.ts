import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import { isMissing, writeWhole } from '../files.ts';
import { inParallel, whileBusy } from '../patience.ts';
import { openBar } from '../progress-bar.ts';
import type { SampleWork } from './import-samples.ts';
import { type Filter, type ListedSample, listSamples, queryOf, SAMPLES, type SamplePage } from './sample-list.ts';

const PAGE = 1000;
const CONCURRENCY = 16;

/**
 * Writes samples to `<folder>/<category>/<file>`. What lies there already with the same bytes is not fetched again.
 *
 * @throws BoxError `unavailable` when samples have no id yet; all others are there then.
 */
export async function exportSamples(work: SampleWork, folder: string, filter: Filter): Promise<void> {
  const { gateway, output, signal } = work;
  const page = (after?: string) => whileBusy(() => listSamples(gateway, filter, PAGE, after), signal);
  const first = await page();
  const counts = { written: 0, known: 0, unread: 0 };
  const bar = openBar(output.json ? 0 : first.total);
  try {
    await inParallel(samplesFrom(first, page), CONCURRENCY, async (sample) => {
      const file = fileOf(folder, sample);
      if (sample.id === '') counts.unread++;
      else if (await holds(file, sample.id)) counts.known++;
      else {
        const path = `${SAMPLES}/${sample.id}/bytes${queryOf({ dataset: filter.dataset })}`;
        await write(file, sample, await whileBusy(() => gateway.bytes(path), signal));
        counts.written++;
      }
      if (output.json) output.item({ file, ...sample }, '');
      bar.increment();
    });
  } finally {
    bar.stop();
  }
  if (!output.json) output.note(`${counts.written} written to ${folder}, ${counts.known} were there already`);
  if (counts.unread === 0) return;
  throw new BoxError(
    'unavailable',
    `Cannot export ${counts.unread} samples yet: another tool copied them in, and they are still to be read; try again in some seconds`,
  );
}

async function* samplesFrom(
  first: SamplePage,
  page: (after: string) => Promise<SamplePage>,
): AsyncGenerator<ListedSample> {
  for (let current = first; ; current = await page(current.next)) {
    yield* current.samples;
    if (current.next === undefined) return;
  }
}

/** Where a sample is written. Its path came from the bucket, where anybody may have put what leads elsewhere. */
function fileOf(folder: string, { path }: ListedSample): string {
  const parts = path.split('/');
  const bad = parts.some((part) => part === '' || part === '.' || part === '..' || /[\\\0]/.test(part));
  if (parts.length !== 2 || bad) {
    throw new BoxError('unprocessable', `Cannot export ${JSON.stringify(path)}: it is no category and file name`);
  }
  return join(folder, ...parts);
}

async function holds(file: string, id: string): Promise<boolean> {
  try {
    return hashOf(await readFile(file)) === id;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function write(file: string, { id, path }: ListedSample, bytes: Buffer): Promise<void> {
  if (hashOf(bytes) !== id)
    throw new BoxError('internal', `Cannot export ${path}: what came has another hash than ${id}`);
  await mkdir(dirname(file), { recursive: true });
  await writeWhole(file, bytes);
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
