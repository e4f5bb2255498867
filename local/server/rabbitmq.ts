import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import { findOnPath } from '../../setup/find-server.ts';
import { findRabbitmq } from '../../setup/install-rabbitmq.ts';
import { type Child, startChild } from './child-process.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import type { RunningServer, ServerOptions } from './running-server.ts';
import { untilReady } from './until-ready.ts';

export interface RabbitmqOptions extends ServerOptions {
  /** The one user, an administrator (default `box` with a password made up at the start). */
  readonly user?: string;
  readonly password?: string;
  /** The virtual hosts that there are (default `/`, and `sensory` as the original has it). */
  readonly vhosts?: readonly string[];
  /** Where it answers Prometheus, at `/metrics`; left out, it does not. */
  readonly metricsPort?: number;
}

export interface RabbitmqServer extends RunningServer {
  /** `amqp://USER:PASSWORD@127.0.0.1:PORT` for the virtual host `/`; append `/NAME` for another. */
  readonly url: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The environment in which `rabbitmqctl` talks to this server. */
  readonly nodeEnv: NodeJS.ProcessEnv;
}

const STOP_TIMEOUT_MS = 15_000;

/**
 * Starts RabbitMQ as a node of its own, without any plugin that is not asked for, everything that it writes in `dataDir`.
 *
 * Erlang's port mapper runs as a child too: the one that a node starts by itself would outlive it.
 */
export async function startRabbitmq(options: RabbitmqOptions): Promise<RabbitmqServer> {
  const script = findRabbitmq(process.env);
  const epmd = findOnPath('epmd', process.env);
  if (script === undefined || epmd === undefined) {
    throw new BoxError('unavailable', 'Cannot start rabbitmq: it must be installed; npm test does that');
  }
  const login = { user: options.user ?? 'box', password: options.password ?? randomBytes(16).toString('hex') };
  const port = options.port ?? (await freePort());
  const epmdPort = await freePort();
  await mkdir(options.dataDir, { recursive: true });
  await writeConfiguration(options, login, port);
  const env = await nodeEnv(options.dataDir, epmdPort);

  const mapper = await startChild({
    name: 'epmd',
    command: epmd,
    args: ['-port', String(epmdPort), '-address', LOOPBACK],
    env,
  });
  try {
    const node = await startChild({
      name: 'rabbitmq',
      command: script,
      args: [],
      env,
      stopTimeoutMs: STOP_TIMEOUT_MS,
      ...(options.logFile !== undefined && { logFile: options.logFile }),
    });
    await untilReady(node, async () => started(node));
    const { user, password } = login;
    return {
      url: `amqp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${LOOPBACK}:${port}`,
      port,
      ...login,
      nodeEnv: env,
      pid: node.pid,
      exited: node.exited,
      stop: () => node.stop().finally(mapper.kill),
      kill: () => node.kill().finally(mapper.kill),
    };
  } catch (error) {
    await mapper.kill();
    throw error;
  }
}

async function nodeEnv(dataDir: string, epmdPort: number): Promise<NodeJS.ProcessEnv> {
  return {
    ...process.env,
    // Erlang keeps its cookie in the home folder.
    HOME: dataDir,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: LOOPBACK,
    RABBITMQ_NODENAME: 'thebox@localhost',
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_CONF_ENV_FILE: join(dataDir, 'no-rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(dataDir, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dataDir, 'no-advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dataDir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dataDir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(dataDir, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}',
    // The script then becomes the node, instead of a shell that waits for it.
    RABBITMQ_ALLOW_INPUT: 'true',
    RABBITMQ_SERVER_START_ARGS: '-noinput',
  };
}

async function writeConfiguration(
  options: RabbitmqOptions,
  login: { user: string; password: string },
  port: number,
): Promise<void> {
  const { dataDir, metricsPort } = options;
  const definitions = join(dataDir, 'definitions.json');
  const configuration = [`listeners.tcp.1 = ${LOOPBACK}:${port}`, `load_definitions = ${definitions}`];
  if (metricsPort !== undefined) {
    configuration.push(`prometheus.tcp.ip = ${LOOPBACK}`, `prometheus.tcp.port = ${metricsPort}`);
  }
  const plugins = metricsPort === undefined ? '' : 'rabbitmq_prometheus';
  await Promise.all([
    writeFile(join(dataDir, 'rabbitmq.conf'), `${configuration.join('\n')}\n`),
    writeFile(join(dataDir, 'enabled_plugins'), `[${plugins}].\n`),
    writeFile(definitions, JSON.stringify(definitionsOf(login, options.vhosts ?? ['/', 'sensory'])), { mode: 0o600 }),
  ]);
}

/** Users and virtual hosts, read by the server at every start: a changed password holds from the next one. */
function definitionsOf({ user, password }: { user: string; password: string }, vhosts: readonly string[]): object {
  return {
    users: [
      {
        name: user,
        password_hash: passwordHash(password),
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: 'administrator',
      },
    ],
    vhosts: vhosts.map((name) => ({ name })),
    permissions: vhosts.map((vhost) => ({ user, vhost, configure: '.*', write: '.*', read: '.*' })),
  };
}

/** RabbitMQ's form: four bytes of salt, then SHA-256 of salt and password. */
function passwordHash(password: string): string {
  const salt = randomBytes(4);
  const hash = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, hash]).toString('base64');
}

function started(node: Child): void {
  if (!node.log.last(200).some(({ text }) => text.includes('Server startup complete'))) {
    throw new Error('its start is not complete');
  }
}
