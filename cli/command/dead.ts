import type { DeadLetter, DeadLetterFilter, DeadLetters } from '#lib/bus/dead-letters.ts';
import { openJetStreamDeadLetters } from '#lib/bus/jetstream-dead-letters.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { STAGES, type Stage } from '#lib/scenario/scenario.ts';
import { withNats } from '../nats.ts';
import { type Output, table } from '../output.ts';
import type { CommandContext, Register } from './command.ts';

interface FilterOptions {
  readonly scenario?: string;
  readonly stage?: string;
}

/** `box dead list|show|replay|remove`: messages that could not be processed. */
export const registerDead: Register = (program, context) => {
  const dead = program.command('dead').description('messages that could not be processed');
  dead
    .command('list')
    .description('the oldest first, with the reason')
    .option('--scenario <id>', 'of one scenario')
    .option('--stage <stage>', `of one stage: ${STAGES.join(', ')}`)
    .option('--limit <number>', 'at most so many', '50')
    .action((options: FilterOptions & { limit: string }) =>
      withLetters(context, (letters, output) => list(letters, output, readFilter(options), readNumber(options.limit))),
    );
  dead
    .command('show <number>')
    .description('one message with its data')
    .action((number: string) => withLetters(context, (letters, output) => show(letters, output, readNumber(number))));
  dead
    .command('replay [number]')
    .description('give one back to the stage that could not process it, or all that --scenario and --stage name')
    .option('--scenario <id>', 'all of one scenario')
    .option('--stage <stage>', 'all of one stage')
    .option('--all', 'all there are')
    .action((number: string | undefined, options: FilterOptions & { all?: boolean }) =>
      withLetters(context, (letters, output) => replay(letters, output, number, options)),
    );
  dead
    .command('remove <number>')
    .description('drop one for good')
    .action((number: string) =>
      withLetters(context, async (letters, output) => {
        await letters.remove(readNumber(number));
        output.result({ removed: Number(number) }, `${number}: removed`);
      }),
    );
};

async function withLetters(context: CommandContext, work: (letters: DeadLetters, output: Output) => Promise<void>) {
  await withNats(await context.connection(), async (nats) => {
    const letters = await openJetStreamDeadLetters(nats);
    try {
      await work(letters, context.output());
    } finally {
      letters.close();
    }
  });
}

async function list(letters: DeadLetters, output: Output, filter: DeadLetterFilter, limit: number): Promise<void> {
  const page = await letters.list(filter, { limit });
  const row = (letter: DeadLetter) => [
    String(letter.seq),
    letter.time,
    letter.scenario,
    letter.stage,
    letter.code,
    letter.reason,
  ];
  const more = page.total > page.letters.length ? `\n… and ${page.total - page.letters.length} more` : '';
  const text =
    page.total === 0 ? 'none' : table(['NUMBER', 'TIME', 'SCENARIO', 'STAGE', 'CODE', 'REASON'], page.letters.map(row));
  output.result(page, text + more);
}

async function show(letters: DeadLetters, output: Output, number: number): Promise<void> {
  const { body, ...letter } = await letters.show(number);
  const bytes = Buffer.from(body);
  const text = bytes.toString('utf8');
  const data = Buffer.from(text).equals(bytes) ? { data: text } : { data_base64: bytes.toString('base64') };
  const facts = Object.entries(letter).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  output.result({ ...letter, ...data }, `${table(['FACT', 'VALUE'], facts)}\n\n${text.slice(0, 2000)}`);
}

async function replay(
  letters: DeadLetters,
  output: Output,
  number: string | undefined,
  options: FilterOptions & { readonly all?: boolean },
): Promise<void> {
  if (number !== undefined) {
    await letters.replay(readNumber(number));
    return output.result({ replayed: 1 }, `${number}: given back`);
  }
  const filter = readFilter(options);
  if (!options.all && Object.keys(filter).length === 0) {
    throw new BoxError('invalid_argument', 'Cannot replay: name a number, --scenario, --stage or --all');
  }
  const replayed = await letters.replayAll(filter);
  output.result({ replayed }, `${replayed} given back`);
}

function readFilter({ scenario, stage }: FilterOptions): DeadLetterFilter {
  return { ...(scenario !== undefined && { scenario }), ...(stage !== undefined && { stage: readStage(stage) }) };
}

function readStage(text: string): Stage {
  const stage = STAGES.find((known) => known === text);
  if (!stage)
    throw new BoxError('invalid_argument', `Cannot read --stage: it must be one of ${STAGES.join(', ')}, got ${text}`);
  return stage;
}

function readNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new BoxError('invalid_argument', `Cannot read number: it must be a whole number from 1, got ${text}`);
  }
  return Number(text);
}
