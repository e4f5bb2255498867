import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { SingleBar } from 'cli-progress';
import { BoxError } from '#lib/error/box-error.ts';
import { type Gateway, openGateway } from '../gateway.ts';
import type { CommandContext, Register } from './command.ts';

const TYPE_OF: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.txt': 'text/plain',
  '.csv': 'text/csv',
  '.wav': 'audio/wav',
};

/** Signals in flight at once. */
const CONCURRENCY = 16;
/** Tries of one signal while the door says that it is busy. */
const MAX_TRIES = 6;

interface Signal {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** `box send`: files, folders or the lines of standard input, through the HTTP door. */
export const registerSend: Register = (program, context) => {
  program
    .command('send <scenario> [paths...]')
    .description('send signals: files, folders of files, or each line of standard input')
    .option('--source <name>', 'who the signals come from', 'default')
    .option('--type <content type>', 'content type, where the file name does not tell it')
    .action(async (scenario: string, paths: string[], options: { source: string; type?: string }) => {
      const gateway = openGateway(await context.connection());
      try {
        await send(gateway, context, scenario, paths, options);
      } finally {
        await gateway.close();
      }
    });
};

async function send(
  gateway: Gateway,
  context: CommandContext,
  scenario: string,
  paths: readonly string[],
  options: { readonly source: string; readonly type?: string },
): Promise<void> {
  const output = context.output();
  const files = (await Promise.all(paths.map(filesBelow))).flat();
  const signals = paths.length > 0 ? fileSignals(files, options.type) : lineSignals(context.stdin, options.type);
  const bar = openBar(output.json ? 0 : files.length);
  const path = `/function/ingestion/signal/${encodeURIComponent(scenario)}/${encodeURIComponent(options.source)}`;
  let sent = 0;
  const worker = async () => {
    for await (const signal of signals) {
      const answer = await sendOne(gateway, path, signal, context.signal);
      sent++;
      bar.increment();
      if (output.json) output.item({ name: signal.name, ...answer }, '');
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  } finally {
    bar.stop();
  }
  if (!output.json) output.note(`${sent} ${sent === 1 ? 'signal' : 'signals'} sent to ${scenario}`);
}

async function sendOne(gateway: Gateway, path: string, signal: Signal, abort: AbortSignal): Promise<object> {
  for (let tries = 1; ; tries++) {
    abort.throwIfAborted();
    try {
      const headers = { 'content-type': signal.type };
      const { body } = await gateway.call({ method: 'POST', path, headers, body: signal.bytes });
      return typeof body === 'object' && body !== null ? body : {};
    } catch (error) {
      const busy = error instanceof BoxError && (error.code === 'resource_exhausted' || error.code === 'unavailable');
      if (!busy || tries === MAX_TRIES) throw error;
      await pause(100 * 2 ** tries, abort);
    }
  }
}

/** The wait between two tries; ends early on Ctrl-C. */
function pause(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    abort.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(abort.reason);
      },
      { once: true },
    );
  });
}

async function filesBelow(path: string): Promise<string[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new BoxError('invalid_argument', `Cannot send ${path}: there is no such file or folder`, { cause });
  });
  if (!info.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function* fileSignals(files: readonly string[], type: string | undefined): AsyncGenerator<Signal> {
  for (const file of files) {
    const known = TYPE_OF[extname(file).toLowerCase()] ?? 'application/octet-stream';
    yield { name: basename(file), type: type ?? known, bytes: await readFile(file) };
  }
}

async function* lineSignals(stdin: NodeJS.ReadableStream, type = 'application/json'): AsyncGenerator<Signal> {
  let number = 0;
  for await (const line of createInterface({ input: stdin })) {
    if (line.trim() !== '') yield { name: `line ${++number}`, type, bytes: Buffer.from(line) };
  }
}

function openBar(total: number): { increment(): void; stop(): void } {
  if (total < 2 || !process.stderr.isTTY) return { increment: () => undefined, stop: () => undefined };
  const bar = new SingleBar({ format: '{bar} {value}/{total} | {eta_formatted} left', stream: process.stderr });
  bar.start(total, 0);
  return bar;
}
