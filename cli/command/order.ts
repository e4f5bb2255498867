import { BoxError } from '#lib/error/box-error.ts';
import { type Gateway, openGateway } from '../gateway.ts';
import { fetchFiles, findOrder } from '../sample/fetch-order.ts';
import { ORDERS, type Order, parseOrder } from '../sample/order.ts';
import type { CommandContext, Register } from './command.ts';

interface OrderOptions {
  readonly id?: string;
  readonly out?: string;
  readonly dataset?: string;
  readonly version?: string;
  readonly size?: string;
  readonly epochs?: string;
  readonly split?: string;
  readonly ratios?: string;
  readonly seed?: string;
  readonly balance?: string | true;
  readonly noise?: string;
  readonly augment?: string;
  readonly mix?: string;
  readonly format?: string;
  readonly fileSamples?: string;
}

/** `box order`: samples as files for a trainer. */
export const registerOrder: Register = (program, context) => {
  program
    .command('order')
    .description('order samples as files for a trainer; with --out wait for them and fetch them')
    .option('--out <folder>', 'where the files go; each order needs a folder of its own')
    .option('--id <id>', 'no new order but this one, which was placed before')
    .option('--dataset <name>', 'NAME_WIDTHxHEIGHT (the appliance has a default one)')
    .option('--version <name>', 'a frozen version of the dataset')
    .option('--format <name>', 'npz, npy, arrow, webdataset, mds or stream', 'npz')
    .option('--size <number>', 'how many samples')
    .option('--epochs <number>', 'how many times every sample (without --size and --epochs: once)')
    .option('--split <name>', 'all, train, val or test')
    .option('--ratios <shares>', 'of train, val and test, such as 0.8,0.1,0.1')
    .option('--seed <seed>', 'the same seed gives the same samples in the same order')
    .option('--balance [weights]', 'all categories alike, or JSON with a weight for each')
    .option('--noise <probability>', 'of rotation and of scaling')
    .option('--augment <recipe>', 'JSON with steps of augmentation, instead of --noise')
    .option('--mix <number>', 'packed shards that are mixed at a time')
    .option('--file-samples <number>', 'at most so many samples a file')
    .action((options: OrderOptions) => run(context, options));
};

async function run(context: CommandContext, options: OrderOptions): Promise<void> {
  const gateway = openGateway(await context.connection());
  const output = context.output();
  try {
    const order =
      options.id === undefined ? await place(gateway, options) : await findOrder(gateway, context.signal, options.id);
    if (options.out === undefined) {
      output.result(order.body, describe(order));
      return;
    }
    if (options.id === undefined) output.note(`order ${order.id}`);
    const { files, last } = await fetchFiles({ gateway, output, signal: context.signal }, order, options.out);
    output.result({ ...last.body, files }, files.join('\n'));
  } finally {
    await gateway.close();
  }
}

/** Never tried again: it would be a second order. */
async function place(gateway: Gateway, options: OrderOptions): Promise<Order> {
  const { body } = await gateway.call({
    method: 'POST',
    path: ORDERS,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(orderBody(options)),
  });
  return parseOrder(body);
}

function orderBody(options: OrderOptions): object {
  const { balance } = options;
  return {
    dataset: options.dataset,
    version: options.version,
    format: options.format,
    split: options.split,
    seed: options.seed,
    size: number('--size', options.size),
    epochs: number('--epochs', options.epochs),
    noise: number('--noise', options.noise),
    mix: number('--mix', options.mix),
    file_samples: number('--file-samples', options.fileSamples),
    ratios: options.ratios?.split(',').map((share) => number('--ratios', share)),
    balance: typeof balance === 'string' ? json('--balance', balance) : balance,
    augment: options.augment === undefined ? undefined : json('--augment', options.augment),
  };
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new BoxError('invalid_argument', `Cannot read ${name}: it must be a number, got ${text}`);
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${name}: it must be JSON, got ${text}`, { cause });
  }
}

function describe({ id, state, done, size }: Order): string {
  return `order ${id}: ${state}, ${done} of ${size} samples; fetch it with: box order --id ${id} --out FOLDER`;
}
