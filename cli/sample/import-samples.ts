import { readFile } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { contentTypeOf, filesBelow } from '../files.ts';
import type { Gateway } from '../gateway.ts';
import type { Output } from '../output.ts';
import { inParallel, whileBusy } from '../patience.ts';
import { openBar } from '../progress-bar.ts';
import { queryOf, SAMPLES } from './sample-list.ts';

export interface ImportOptions {
  readonly dataset?: string;
  readonly category?: string;
  readonly source?: string;
  readonly group?: string;
  readonly modelVersion?: string;
  readonly type?: string;
  readonly duplicates: string;
}

export interface SampleWork {
  readonly gateway: Gateway;
  readonly output: Output;
  readonly signal: AbortSignal;
}

const CONCURRENCY = 16;
/** What is wrong with one file is no reason to leave out the others. */
const OF_THE_FILE = ['invalid_argument', 'unprocessable', 'unsupported_media_type', 'too_large', 'conflict'];
const SHOWN = 20;

/**
 * Stores files as samples; an import that was broken off is simply done again.
 *
 * @throws BoxError `unprocessable` that tells which files were refused, after all others are stored.
 */
export async function importSamples(work: SampleWork, paths: readonly string[], options: ImportOptions): Promise<void> {
  const { gateway, output, signal } = work;
  const files = (await Promise.all(paths.map((path) => samplesBelow(path, options.category)))).flat();
  if (files.length === 0) throw new BoxError('invalid_argument', `Cannot import ${paths.join(', ')}: there is no file`);
  const refused: { file: string; reason: string }[] = [];
  const counts = { stored: 0, known: 0 };
  const bar = openBar(output.json ? 0 : files.length);
  try {
    await inParallel(files, CONCURRENCY, async (file) => {
      try {
        const answer = await whileBusy(() => store(gateway, file, options), signal);
        counts[answer.status === 201 ? 'stored' : 'known']++;
        if (output.json) output.item({ file: file.path, ...answer.sample }, '');
      } catch (error) {
        if (!(error instanceof BoxError) || !OF_THE_FILE.includes(error.code)) throw error;
        refused.push({ file: file.path, reason: errorText(error) });
        if (output.json) output.item({ file: file.path, error: errorText(error) }, '');
      }
      bar.increment();
    });
  } finally {
    bar.stop();
  }
  if (!output.json)
    output.note(`${counts.stored} stored, ${counts.known} were there already, ${refused.length} refused`);
  if (refused.length === 0) return;
  const problems = refused.slice(0, SHOWN).map(({ file, reason }) => ({ pointer: file, message: reason }));
  throw new BoxError('unprocessable', `Cannot import ${refused.length} of ${files.length} files`, { problems });
}

interface SampleFile {
  readonly path: string;
  readonly category: string | undefined;
}

/** The files of a folder, each in the category that its own folder is named after. */
async function samplesBelow(path: string, category: string | undefined): Promise<SampleFile[]> {
  const files = await filesBelow('import', path);
  return files.map((file) => {
    const own = dirname(relative(path, file)).split(sep).at(-1);
    return { path: file, category: category ?? (own === '' || own === '.' ? undefined : own) };
  });
}

async function store(gateway: Gateway, { path, category }: SampleFile, options: ImportOptions) {
  const { dataset, source, group, modelVersion, duplicates, type } = options;
  const query = queryOf({ dataset, category, source, group, model_version: modelVersion, duplicates });
  const { status, body } = await gateway.call({
    method: 'POST',
    path: SAMPLES + query,
    headers: { 'content-type': type ?? contentTypeOf(path) },
    body: await readFile(path),
  });
  return { status, sample: typeof body === 'object' && body !== null ? body : {} };
}
