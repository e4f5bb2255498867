import { BoxError } from '#lib/error/box-error.ts';
import { openGateway } from '../gateway.ts';
import {
  listRepository,
  type ModelName,
  nextVersion,
  openRepository,
  parseModelName,
  type Repository,
  readConfig,
  showName,
} from '../model/model-repository.ts';
import { modelFiles, putModel } from '../model/put-model.ts';
import { type Output, table } from '../output.ts';
import { openBar } from '../progress-bar.ts';
import type { CommandContext, Register } from './command.ts';
import { registerConvert } from './convert.ts';

/** The bar of an upload counts these; smaller models have none. */
const MEGABYTE = 1e6;

interface PutOptions {
  readonly config?: string;
  readonly beside?: readonly string[];
}

/** `box model put|list|show|rm|verify|convert`: the models of the bucket that inference serves by name. */
export const registerModel: Register = (program, context) => {
  const model = program.command('model').description('models that are served by name, from the bucket of models');
  model
    .command('put <name> <path>')
    .description('keep a model as NAME or NAME/VERSION (default: one above the newest): a file, or a folder with one')
    .option('--config <file>', 'its config.json: labels, sha256, options')
    .option('--beside <files...>', 'files that hold its tensors')
    .action((name: string, path: string, options: PutOptions) =>
      withRepository(context, (repository, output) => put(context, repository, output, name, path, options)),
    );
  model
    .command('list')
    .description('all models and their versions')
    .action(() => withRepository(context, list));
  model
    .command('show <name>')
    .description('the files and the config.json of NAME or NAME/VERSION')
    .action((name: string) => withRepository(context, (repository, output) => show(repository, output, name)));
  model
    .command('rm <name>')
    .description('remove NAME/VERSION, or with --all every version of NAME')
    .option('--all', 'every version')
    .action((name: string, { all = false }: { all?: boolean }) =>
      withRepository(context, (repository, output) => remove(repository, output, name, all)),
    );
  model
    .command('verify <name>')
    .description('load NAME or NAME/VERSION anew and run its golden samples; it serves when they pass')
    .action((name: string) => verify(context, name));
  registerConvert(model, context);
};

async function withRepository(
  context: CommandContext,
  work: (repository: Repository, output: Output) => Promise<void>,
): Promise<void> {
  const repository = openRepository(await context.connection());
  try {
    await work(repository, context.output());
  } finally {
    repository.close();
  }
}

async function put(
  { signal }: CommandContext,
  repository: Repository,
  output: Output,
  wanted: string,
  path: string,
  options: PutOptions,
): Promise<void> {
  const { name, version = await nextVersion(repository, parseModelName(wanted).name) } = parseModelName(wanted);
  const files = await modelFiles(path, options.config, options.beside ?? []);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const bar = openBar(output.json ? 0 : Math.ceil(bytes / MEGABYTE));
  let done = 0;
  try {
    await putModel(repository, { name, version }, files, {
      signal,
      onProgress(more) {
        done += more;
        bar.update(Math.floor(done / MEGABYTE));
      },
    });
  } finally {
    bar.stop();
  }
  output.result({ name, version, bytes, files: files.map((file) => file.name) }, `${name}/${version}: kept`);
}

async function list(repository: Repository, output: Output): Promise<void> {
  const models = await listRepository(repository);
  const rows = models.map(({ name, version, bytes, modified }) => [name, version, showBytes(bytes), modified]);
  output.result(models, table(['NAME', 'VERSION', 'SIZE', 'KEPT SINCE'], rows));
}

async function show(repository: Repository, output: Output, wanted: string): Promise<void> {
  const found = await findModels(repository, parseModelName(wanted));
  const models = await Promise.all(
    found.map(async (model) => ({ ...model, config: await readConfig(repository, model) })),
  );
  const texts = models.map(({ name, version, files, config }) =>
    [
      `${name}/${version}`,
      ...files.map((file) => `  ${file.name}  ${showBytes(file.bytes)}  ${file.modified}`),
      ...(config === undefined ? [] : [`  config.json: ${JSON.stringify(config)}`]),
    ].join('\n'),
  );
  output.result(models, texts.join('\n'));
}

async function remove(repository: Repository, output: Output, wanted: string, all: boolean): Promise<void> {
  const asked = parseModelName(wanted);
  if ((asked.version === undefined) !== all) {
    throw new BoxError('invalid_argument', 'Cannot remove model: give either NAME/VERSION, or NAME and --all');
  }
  const found = await findModels(repository, asked);
  const keys = found.flatMap(({ name, version, files }) => files.map((file) => `${name}/${version}/${file.name}`));
  await repository.store.delete(keys);
  const removed = found.map(({ name, version }) => ({ name, version }));
  output.result(removed, removed.map((model) => `${showName(model)}: removed`).join('\n'));
}

async function findModels(repository: Repository, { name, version }: ModelName) {
  const all = await listRepository(repository, `${name}/`);
  const found = all.filter((model) => version === undefined || model.version === version);
  if (found.length > 0) return found;
  throw new BoxError('not_found', `Cannot find model ${showName({ name, version })}: there is none of that name`);
}

interface Verified {
  readonly name: string;
  readonly version: string;
  readonly golden_samples: number;
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
}

interface TensorFacts {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

async function verify(context: CommandContext, wanted: string): Promise<void> {
  const { name, version } = parseModelName(wanted);
  const of = version === undefined ? '' : `/versions/${version}`;
  const gateway = openGateway(await context.connection());
  try {
    const { body } = await gateway.call({
      method: 'POST',
      path: `/function/inference/v2/repository/models/${encodeURIComponent(name)}${of}/verify`,
    });
    context.output().result(body, verifiedText(body as Verified));
  } finally {
    await gateway.close();
  }
}

function verifiedText({ name, version, golden_samples: samples, inputs, outputs }: Verified): string {
  const passed = samples === 0 ? 'it has no golden samples' : `golden samples passed: ${samples}`;
  const line = (kind: string, { name: tensor, datatype, shape }: TensorFacts) =>
    `  ${kind} ${tensor}: ${datatype} [${shape.join(', ')}]`;
  return [
    `${name}/${version}: loaded, ${passed}`,
    ...inputs.map((tensor) => line('input', tensor)),
    ...outputs.map((tensor) => line('output', tensor)),
  ].join('\n');
}

function showBytes(bytes: number): string {
  const steps = [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const;
  const [unit, name] = steps.find(([least]) => bytes >= least) ?? [1, 'B'];
  return `${unit === 1 ? bytes : (bytes / unit).toFixed(1)} ${name}`;
}
