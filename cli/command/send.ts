import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { contentTypeOf, filesBelow } from '../files.ts';
import { type Gateway, openGateway } from '../gateway.ts';
import { inParallel, whileBusy } from '../patience.ts';
import { openBar } from '../progress-bar.ts';
import type { CommandContext, Register } from './command.ts';

/** Signals in flight at once. */
const CONCURRENCY = 16;

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
  const files = (await Promise.all(paths.map((path) => filesBelow('send', path)))).flat();
  const signals = paths.length > 0 ? fileSignals(files, options.type) : lineSignals(context.stdin, options.type);
  const bar = openBar(output.json ? 0 : files.length);
  const path = `/function/ingestion/signal/${encodeURIComponent(scenario)}/${encodeURIComponent(options.source)}`;
  let sent = 0;
  try {
    await inParallel(signals, CONCURRENCY, async (signal) => {
      const answer = await whileBusy(() => sendOne(gateway, path, signal), context.signal);
      sent++;
      bar.increment();
      if (output.json) output.item({ name: signal.name, ...answer }, '');
    });
  } finally {
    bar.stop();
  }
  if (!output.json) output.note(`${sent} ${sent === 1 ? 'signal' : 'signals'} sent to ${scenario}`);
}

async function sendOne(gateway: Gateway, path: string, signal: Signal): Promise<object> {
  const headers = { 'content-type': signal.type };
  const { body } = await gateway.call({ method: 'POST', path, headers, body: signal.bytes });
  return typeof body === 'object' && body !== null ? body : {};
}

async function* fileSignals(files: readonly string[], type: string | undefined): AsyncGenerator<Signal> {
  for (const file of files) {
    yield { name: basename(file), type: type ?? contentTypeOf(file), bytes: await readFile(file) };
  }
}

async function* lineSignals(stdin: NodeJS.ReadableStream, type = 'application/json'): AsyncGenerator<Signal> {
  let number = 0;
  for await (const line of createInterface({ input: stdin })) {
    if (line.trim() !== '') yield { name: `line ${++number}`, type, bytes: Buffer.from(line) };
  }
}
