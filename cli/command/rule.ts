import { readFile } from 'node:fs/promises';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { openGateway } from '../gateway.ts';
import { table } from '../output.ts';
import type { CommandContext, Register } from './command.ts';

const DEFAULT_LAST = 10;

interface Options {
  readonly scenario?: string;
  readonly last?: string;
  readonly file?: string;
}

interface Trial {
  readonly id?: string;
  readonly value?: unknown;
  readonly type?: string;
  readonly truthy?: boolean | null;
  readonly steps?: number;
  readonly error?: { readonly message: string };
}

/** `box rule test`: what an expression comes to on predictions. */
export const registerRule: Register = (program, context) => {
  const rule = program.command('rule').description('rules: which predictions make a notification');
  rule
    .command('test <expression>')
    .description('try a rule on predictions, and say what it comes to or where it fails')
    .option('--scenario <id>', 'try it on the last predictions of this scenario')
    .option('--last <number>', `how many of them (default ${DEFAULT_LAST})`)
    .option('--file <path>', 'try it on the predictions of this JSON file ("-": standard input), one or a list')
    .action((expression: string, options: Options) => test(context, expression, options));
};

async function test(context: CommandContext, expression: string, options: Options): Promise<void> {
  const samples = await samplesOf(context, options);
  const gateway = openGateway(await context.connection());
  try {
    const { body } = await gateway.call({
      method: 'POST',
      path: '/function/notification/rule/test',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ expression, ...samples }),
    });
    const { results } = body as { readonly results: readonly Trial[] };
    context.output().result(body, resultsTable(results));
  } finally {
    await gateway.close();
  }
}

async function samplesOf(context: CommandContext, { scenario, last, file }: Options): Promise<object> {
  if ((scenario === undefined) === (file === undefined)) {
    throw new BoxError('invalid_argument', 'Cannot test rule: give either --scenario or --file');
  }
  if (file === undefined) return { scenario, last: Number(last ?? DEFAULT_LAST) };
  const value = parse(file, await readText(context, file));
  return { predictions: Array.isArray(value) ? value : [value] };
}

async function readText({ stdin }: CommandContext, file: string): Promise<string> {
  if (file === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  }
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${file}: ${errorText(cause)}`, { cause });
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${file}: it must be JSON (${errorText(cause)})`, { cause });
  }
}

function resultsTable(results: readonly Trial[]): string {
  if (results.length === 0) return 'There are no predictions.';
  const rows = results.map(({ id = '', value, type = '', truthy, steps, error }) =>
    error === undefined
      ? [id, truthy === null ? '?' : String(truthy), type, short(JSON.stringify(value)), String(steps)]
      : [id, 'error', '', error.message, ''],
  );
  return table(['PREDICTION', 'HOLDS', 'TYPE', 'VALUE', 'STEPS'], rows);
}

function short(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
