import { readFile } from 'node:fs/promises';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Source } from '#lib/source/source.ts';
import type { Gateway } from '../gateway.ts';
import { type Output, table } from '../output.ts';
import type { Register } from './command.ts';
import { withGateway } from './with-gateway.ts';

const ROOT = '/function/orchestrator/source';
const JSON_TYPE = { 'content-type': 'application/json' };

interface PutOptions {
  readonly file?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly location?: string;
  readonly tag?: readonly string[];
  readonly every?: string;
  readonly rate?: string;
  readonly bytesPerDay?: string;
  readonly publicKey?: string;
  readonly hmacSecret?: string;
  /** False with --no-token. */
  readonly token: boolean;
}

interface Shown {
  readonly _id: string;
  readonly known: boolean;
  readonly name?: string;
  readonly health?: string;
  readonly last_seen?: string | null;
  readonly signals?: number;
  readonly refused?: number;
  readonly quarantined: number;
}

/** `box source put|list|show|token|rm|release|drop`. */
export const registerSource: Register = (program, context) => {
  const source = program.command('source').description('sources: who sends signals, and with which credentials');
  source
    .command('put <id>')
    .description('make or replace a source; a new one gets a token, which is shown this once')
    .option('--file <file>', 'the source as JSON; the other options come on top of it')
    .option('--name <name>', 'what people call it')
    .option('--kind <kind>', 'what it is')
    .option('--location <place>', 'where it is')
    .option('--tag <tags...>', 'words to find it by')
    .option('--every <seconds>', 'a notification tells when it is silent for longer')
    .option('--rate <number>', 'at most so many signals a second')
    .option('--bytes-per-day <number>', 'at most so many bytes a day')
    .option('--public-key <file>', 'the Ed25519 key that its signals may be signed with: a PEM file')
    .option('--hmac-secret <name>', 'the name of the secret that its signals may be signed with')
    .option('--no-token', 'a new source gets no token')
    .action((id: string, options: PutOptions) =>
      withGateway(context, (gateway, output) => put(gateway, output, id, options)),
    );
  source
    .command('list')
    .description('all sources, also those that nobody has put and that wait in quarantine')
    .action(() => withGateway(context, list));
  source
    .command('show <id>')
    .description('one source, with what came from it')
    .action((id: string) => withGateway(context, (gateway, output) => show(gateway, output, id)));
  source
    .command('token <id>')
    .description('another token; the one before opens nothing any more')
    .action((id: string) => withGateway(context, (gateway, output) => rotate(gateway, output, id)));
  source
    .command('rm <id>')
    .description('remove a source; its token opens nothing any more')
    .action((id: string) => withGateway(context, (gateway, output) => remove(gateway, output, id)));
  source
    .command('release <id>')
    .description('let its signals out of quarantine, and know it from now on')
    .action((id: string) => withGateway(context, (gateway, output) => release(gateway, output, id)));
  source
    .command('drop <id>')
    .description('drop its signals in quarantine')
    .action((id: string) => withGateway(context, (gateway, output) => drop(gateway, output, id)));
};

async function put(gateway: Gateway, output: Output, id: string, options: PutOptions): Promise<void> {
  const query = options.token ? '' : '?token=false';
  const body = JSON.stringify(await sourceOf(options));
  const answer = await gateway.call({ method: 'PUT', path: pathOf(id) + query, headers: JSON_TYPE, body });
  const said = `${id}: ${answer.status === 201 ? 'made' : 'replaced'}`;
  output.result(answer.body, said + tokenLines(answer.body));
}

/** The source that the options describe. What is wrong with it is the orchestrator's to say. */
async function sourceOf(options: PutOptions): Promise<Source> {
  const { name, kind, location, tag: tags, every, rate, bytesPerDay, publicKey, hmacSecret } = options;
  const given = options.file === undefined ? {} : await readSource(options.file);
  const quota = {
    ...given.quota,
    ...(rate !== undefined && { signals_per_second: numberOf('--rate', rate) }),
    ...(bytesPerDay !== undefined && { bytes_per_day: numberOf('--bytes-per-day', bytesPerDay) }),
  };
  return {
    ...given,
    ...(name !== undefined && { name }),
    ...(kind !== undefined && { kind }),
    ...(location !== undefined && { location }),
    ...(tags !== undefined && { tags }),
    ...(every !== undefined && { expected_every_seconds: numberOf('--every', every) }),
    ...(Object.keys(quota).length > 0 && { quota }),
    ...(publicKey !== undefined && { public_key: await readText(publicKey) }),
    ...(hmacSecret !== undefined && { hmac_secret: hmacSecret }),
  };
}

async function readSource(file: string): Promise<Source> {
  try {
    return JSON.parse(await readText(file)) as Source;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new BoxError('invalid_argument', `Cannot read ${file}: it must be JSON (${cause.message})`, { cause });
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${file}: ${errorText(cause)}`, { cause });
  }
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number)) return number;
  throw new BoxError('invalid_argument', `Cannot put source: ${option} must be a number, got ${text}`);
}

async function list(gateway: Gateway, output: Output): Promise<void> {
  const { body } = await gateway.call({ method: 'GET', path: ROOT });
  const rows = (body as readonly Shown[]).map((each) => [
    each._id,
    each.name ?? '',
    each.known ? (each.health ?? '') : 'not known',
    each.last_seen ?? '',
    String(each.signals ?? ''),
    String(each.refused ?? ''),
    String(each.quarantined),
  ]);
  output.result(body, table(['ID', 'NAME', 'HEALTH', 'LAST SEEN', 'SIGNALS', 'REFUSED', 'QUARANTINED'], rows));
}

async function show(gateway: Gateway, output: Output, id: string): Promise<void> {
  const { body } = await gateway.call({ method: 'GET', path: pathOf(id) });
  output.result(body, JSON.stringify(body, null, 2));
}

async function rotate(gateway: Gateway, output: Output, id: string): Promise<void> {
  const { body } = await gateway.call({ method: 'POST', path: `${pathOf(id)}/token` });
  output.result(body, `${id}: another token${tokenLines(body)}`);
}

async function remove(gateway: Gateway, output: Output, id: string): Promise<void> {
  await gateway.call({ method: 'DELETE', path: pathOf(id) });
  output.result({ _id: id, removed: true }, `${id}: removed`);
}

async function release(gateway: Gateway, output: Output, id: string): Promise<void> {
  const { body } = await gateway.call({ method: 'POST', path: `${pathOf(id)}/release` });
  const { released } = body as { readonly released: number };
  output.result(body, `${id}: ${released} released, and known`);
}

async function drop(gateway: Gateway, output: Output, id: string): Promise<void> {
  const { body } = await gateway.call({ method: 'DELETE', path: `${pathOf(id)}/quarantine` });
  const { dropped } = body as { readonly dropped: number };
  output.result(body, `${id}: ${dropped} dropped`);
}

/** The token, which nobody can show again, and where it opens something. */
function tokenLines(body: unknown): string {
  const { token, publish } = body as { token?: string; publish?: Readonly<Record<string, string>> };
  if (token === undefined) return '';
  const places = Object.entries(publish ?? {}).map(([door, place]) => `  ${door.padEnd(6)}${place}`);
  return [`\ntoken (shown this once): ${token}`, ...places].join('\n');
}

function pathOf(id: string): string {
  return `${ROOT}/${encodeURIComponent(id)}`;
}
