import type { Command } from 'commander';
import { BoxError } from '#lib/error/box-error.ts';
import type { Gateway } from '../gateway.ts';
import { type Output, table } from '../output.ts';
import { exportSamples } from '../sample/export-samples.ts';
import { importSamples } from '../sample/import-samples.ts';
import { FILTERS, type Filter, listSamples } from '../sample/sample-list.ts';
import type { Register } from './command.ts';
import { withGateway } from './with-gateway.ts';

interface ListOptions extends Filter {
  readonly limit: string;
  readonly after?: string;
}

/** `box sample import|export|list`: labelled samples. */
export const registerSample: Register = (program, context) => {
  const sample = program.command('sample').description('labelled samples: what trainers learn from');
  sample
    .command('import <paths...>')
    .description('store files; those of a folder under the category that their own folder is named after')
    .option('--dataset <name>', 'NAME_WIDTHxHEIGHT (the appliance has a default one)')
    .option('--category <name>', 'the category of them all (without a folder of their own: unlabelled)')
    .option('--source <name>', 'where they come from')
    .option('--group <name>', 'a group that never stands on both sides of a split')
    .option('--model-version <name>', 'the model that labelled them')
    .option('--type <content type>', 'content type, where the file name does not tell it')
    .option(
      '--duplicates <what>',
      'of bytes that are there already: link (the one that is there), refuse or keep',
      'link',
    )
    .action((paths: string[], options) =>
      withGateway(context, (gateway, output) =>
        importSamples({ gateway, output, signal: context.signal }, paths, options),
      ),
    );
  withFilters(
    sample
      .command('export <folder>')
      .description('write samples below a folder, each into one named after its category; goes on where it ended'),
  ).action((folder: string, options: Filter) =>
    withGateway(context, (gateway, output) =>
      exportSamples({ gateway, output, signal: context.signal }, folder, options),
    ),
  );
  withFilters(sample.command('list').description('samples in the order in which they came'))
    .option('--limit <number>', 'at most so many', '50')
    .option('--after <path>', 'those after this one')
    .action((options: ListOptions) => withGateway(context, (gateway, output) => list(gateway, output, options)));
};

function withFilters(command: Command): Command {
  command.option('--dataset <name>', 'NAME_WIDTHxHEIGHT (the appliance has a default one)');
  for (const { flag, says } of FILTERS) command.option(flag, says);
  return command;
}

async function list(gateway: Gateway, output: Output, options: ListOptions): Promise<void> {
  if (!/^[1-9]\d{0,2}$|^1000$/.test(options.limit)) {
    throw new BoxError(
      'invalid_argument',
      `Cannot read --limit: it must be a whole number from 1 to 1000, got ${options.limit}`,
    );
  }
  const page = await listSamples(gateway, options, Number(options.limit), options.after);
  const rows = page.samples.map(({ id, category, size, stored_at: stored, source, path }) => [
    id.slice(0, 12) || '-',
    category,
    String(size),
    stored,
    source ?? '',
    path,
  ]);
  const more = page.next === undefined ? '' : `\n${page.total} in all; go on with --after '${page.next}'`;
  output.result(
    page,
    rows.length === 0 ? 'none' : table(['ID', 'CATEGORY', 'BYTES', 'STORED', 'SOURCE', 'PATH'], rows) + more,
  );
}
