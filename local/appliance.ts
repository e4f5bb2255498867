import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { findRabbitmq } from '../setup/install-rabbitmq.ts';
import { tryLock } from '../setup/lock.mjs';
import { processEnvironment, userEnvironment } from './appliance-environment.ts';
import { choosePort, type PortChoice, startServers } from './appliance-servers.ts';
import { openGateway } from './gateway/gateway.ts';
import { openLogFolder } from './log-folder.ts';
import { openMadeSecrets } from './made-secrets.ts';
import type { ChildExit } from './server/child-process.ts';
import { type ConnectorProcess, startConnector } from './supervisor/connector-process.ts';
import { openConverter } from './supervisor/converter.ts';
import { type FunctionProcess, startFunction } from './supervisor/function-process.ts';
import type { SleepingFunction } from './supervisor/sleeping-function.ts';
import { readStackFile } from './supervisor/stack-file.ts';
import type { Supervised } from './supervisor/supervise.ts';

export interface ApplianceOptions {
  /** The clone: its stack.yml, templates and connector. */
  readonly root: string;
  /** Where everything is kept: data, secrets, logs, `env.json`. */
  readonly folder: string;
  readonly ports: PortChoice;
  /** Whether RabbitMQ is started: where it is installed, or not at all. Only batch orders need it. */
  readonly rabbitmq: 'if-installed' | 'never';
  /** A CouchDB that is there already, with user and password in the URL. */
  readonly couchdbUrl?: string;
  /** More variables for the functions and the connector, such as MODEL_ROOT; they win over stack.yml and the defaults. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs what is in the images instead of the sources. */
  readonly images?: ImageFolders;
  /** Told in one line each of what fails or is started again. */
  readonly say?: (line: string) => void;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
}

/** What the images hold, in folders of this machine. */
export interface ImageFolders {
  /** Of a function, by its name: `index.js` and `function/`. */
  readonly functions: ReadonlyMap<string, string>;
  /** The connector's program. */
  readonly connector: string;
  /** What the images set in the environment of all of them. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the connector's container sets in its environment. */
  readonly connectorEnvironment: Readonly<Record<string, string>>;
}

/** A function or the connector that does not start. */
export interface PartDown {
  readonly name: string;
  readonly reason: string;
  /** The last lines of its log. */
  readonly log: readonly string[];
}

/** The whole appliance on this machine. */
export interface Appliance {
  /** Addresses and keys for its users, as `env.json` has them. */
  readonly env: Readonly<Record<string, string>>;
  /** The functions and the connector. */
  readonly processes: readonly Supervised[];
  /** Those of them that did not start within three minutes, and why; they are still tried. Empty when all is well. */
  readonly down: readonly PartDown[];
  readonly hasRabbitmq: boolean;
  /** Resolves when RabbitMQ is up too, at once when it is not started; rejects when it does not start. */
  readonly rabbitmqUp: Promise<void>;
  /** Ends everything in order; the data stays. */
  close(): Promise<void>;
}

const READY_TIMEOUT_MS = 180_000;
const LOG_LINES_OF_FAILURE = 20;

/**
 * Starts the servers, the gateway, every function of stack.yml and the connector, and resolves once all take calls, or
 * have failed to: see `down`.
 *
 * @throws BoxError `conflict` when another appliance runs in the folder, `unavailable` when a server does not start.
 */
export async function openAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { folder } = options;
  await mkdir(folder, { recursive: true });
  // Keys and data are their owner's alone.
  await chmod(folder, 0o700);
  const release = await tryLock(join(folder, 'run.lock'));
  if (release === undefined) {
    const where = join(folder, 'env.json');
    throw new BoxError('conflict', `Cannot start the appliance: one runs already in ${folder}; ${where} says where`);
  }
  // What was opened is closed in the reverse order, also when the start fails half-way.
  const closers: (() => Promise<void>)[] = [release];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    return { ...(await start(options, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(options: ApplianceOptions, closers: (() => Promise<void>)[]): Promise<Omit<Appliance, 'close'>> {
  const { root, folder, ports } = options;
  const say = options.say ?? (() => undefined);
  const logDir = join(folder, 'log');
  await openLogFolder(logDir);
  const stack = await readStackFile(join(root, 'stack.yml'), {});
  const secrets = await openMadeSecrets(join(folder, 'secrets'));
  for (const name of new Set(stack.flatMap((definition) => definition.secrets))) await secrets.get(name);

  const hasRabbitmq = options.rabbitmq === 'if-installed' && findRabbitmq(process.env) !== undefined;
  const { couchdbUrl } = options;
  const dataDir = join(folder, 'data');
  const common = { dataDir, logDir, secrets, ports, say, rabbitmq: hasRabbitmq };
  const servers = await startServers({ ...common, ...(couchdbUrl !== undefined && { couchdbUrl }) });
  closers.push(servers.stop);

  const functions = new Map<string, FunctionProcess>();
  const asleep = new Map<string, SleepingFunction>();
  const login = { user: 'admin', password: await secrets.get('basic-auth-password') };
  const gateway = await openGateway({
    functions: {
      find: (name) => (functions.get(name) ?? asleep.get(name))?.deployed,
      list: () => [...functions.values(), ...asleep.values()].map(({ deployed }) => deployed),
    },
    login,
    port: (await choosePort('gateway', ports)) ?? 0,
  });
  closers.push(gateway.close);

  const { addresses } = servers;
  const secretsDir = secrets.folder;
  const local = { inherited: process.env, root, folder, secretsDir, gatewayUrl: gateway.url, addresses };
  const environment = { ...options.images?.environment, ...processEnvironment(local), ...options.environment };
  const watched = (name: string) => ({
    environment,
    logFile: join(logDir, `${name}.log`),
    onRestart: (exit: ChildExit, delayMs: number) =>
      say(`${name} ended with ${exit.signal ?? exit.code} and is started again in ${delayMs} ms`),
  });

  closers.push(() => stopAll([...functions.values()].map((one) => one.process)));
  for (const definition of stack) {
    const { name } = definition;
    const image = options.images?.functions.get(name);
    const runs = { definition, templates: join(root, 'templates'), ...(image !== undefined && { image }) };
    functions.set(name, startFunction({ ...runs, ...watched(name) }));
  }
  const converter = await openConverter({ root, inherited: process.env, say, ...watched('converter') });
  if (converter !== undefined) {
    asleep.set(converter.deployed.name, converter);
    closers.push(converter.stop);
  }
  const { AMQP_URL: _, ...withoutAmqp } = environment;
  const connector = startConnector({
    program: options.images?.connector ?? join(root, 'connector', 'main.ts'),
    port: await choosePort('connector', ports),
    ...watched('connector'),
    // Where there is no RabbitMQ, the connector is not to wait for it.
    environment: { ...options.images?.connectorEnvironment, ...(hasRabbitmq ? environment : withoutAmqp) },
  });
  closers.push(connector.process.stop);
  const down = await notReady([...functions.values()], connector, options.signal);

  const urls = { gatewayUrl: gateway.url, connectorUrl: connector.url(), mqttUrl: servers.mqttUrl };
  const env = await userEnvironment({ ...urls, addresses, secrets, login, hasRabbitmq });
  const envFile = join(folder, 'env.json');
  closers.push(() => rm(envFile, { force: true }));
  await rm(envFile, { force: true });
  await writeFile(envFile, `${JSON.stringify(env, null, 2)}\n`, { mode: 0o600 });
  const processes = [...[...functions.values()].map((one) => one.process), connector.process];
  return { env, processes, down, hasRabbitmq, rabbitmqUp: servers.rabbitmqUp };
}

async function stopAll(processes: readonly Supervised[]): Promise<void> {
  await Promise.all(processes.map((one) => one.stop()));
}

/** Waits until each takes calls; those that do not, with the reason. They are still tried again and again. */
async function notReady(
  functions: readonly FunctionProcess[],
  connector: ConnectorProcess,
  stop: AbortSignal | undefined,
): Promise<PartDown[]> {
  const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
  const signal = stop === undefined ? timeout : AbortSignal.any([timeout, stop]);
  stop?.throwIfAborted();
  const timedOut = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => timedOut.reject(new Error('it takes too long to start')), { once: true });
  timedOut.promise.catch(() => undefined);
  const waits = [
    ...functions.map(({ process, ready }) => ({ process, ready })),
    { process: connector.process, ready: connector.untilReady(signal) },
  ];
  const outcomes = waits.map(async ({ process, ready }) => {
    try {
      await Promise.race([ready, timedOut.promise]);
      return [];
    } catch (error) {
      const log = process.log.last(LOG_LINES_OF_FAILURE).map(({ text }) => text);
      return [{ name: process.name, reason: errorText(error), log }];
    }
  });
  const down = (await Promise.all(outcomes)).flat();
  stop?.throwIfAborted();
  return down;
}
