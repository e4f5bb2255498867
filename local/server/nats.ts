import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverBinary } from './binary.ts';
import { startChild } from './child-process.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import type { RunningServer, ServerOptions } from './running-server.ts';
import { untilReady } from './until-ready.ts';

export interface NatsOptions extends ServerOptions {
  /** Without user and password anybody on this machine may connect. */
  readonly user?: string;
  readonly password?: string;
  /** Who is not the user above is for the connector to judge: see connector/source-logins.ts. Needs user and password. */
  readonly logins?: NatsLogins;
  /** When JetStream writes to disk for sure: `always`, or every so often (default the server's own, 2 minutes). */
  readonly syncInterval?: 'always' | `${number}${'s' | 'm'}`;
  readonly serverName?: string;
  /** Where it also speaks MQTT 3.1.1; without it, it does not. Unlike `port` it must name one: the server does not tell. */
  readonly mqttPort?: number;
  /** With a certificate and its key, in PEM files, it speaks MQTT over TLS alone. */
  readonly mqttTls?: { readonly certFile: string; readonly keyFile: string };
}

/** What nats-server needs to ask the connector about logins. */
export interface NatsLogins {
  /** The public key whose word it believes. */
  readonly issuer: string;
  /** The user of the system account, who may end connections. */
  readonly systemUser: string;
  readonly systemPassword: string;
}

export interface NatsServer extends RunningServer {
  /** `nats://127.0.0.1:PORT`; user and password, when it has any, are beside it. */
  readonly url: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** `mqtt://127.0.0.1:PORT`, where it speaks MQTT: topic `a/b` is the subject `a.b`. */
  readonly mqttUrl: string | undefined;
}

/** The largest message, as the original's bus had it. */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;

/** Starts nats-server with JetStream in `dataDir` and resolves once it takes connections. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  await mkdir(options.dataDir, { recursive: true });
  const configFile = join(options.dataDir, 'nats-server.conf');
  await writeFile(configFile, natsConfig(options, options.port ?? (await freePort())), { mode: 0o600 });
  const child = await startChild({
    name: 'nats-server',
    command: await serverBinary('nats-server'),
    args: ['--config', configFile],
    ...(options.logFile !== undefined && { logFile: options.logFile }),
  });
  // Named after its process: a server that could not take its port is never mistaken for the one that has it.
  const portsFile = join(options.dataDir, `nats-server_${child.pid}.ports`);
  const port = await untilReady(child, () => writtenPort(portsFile));
  const { user, password, mqttPort, mqttTls } = options;

  return {
    url: `nats://${LOOPBACK}:${port}`,
    port,
    user,
    password,
    mqttUrl:
      mqttPort === undefined ? undefined : `${mqttTls === undefined ? 'mqtt' : 'mqtts'}://${LOOPBACK}:${mqttPort}`,
    pid: child.pid,
    exited: child.exited,
    stop: child.stop,
    kill: child.kill,
  };
}

function natsConfig(options: NatsOptions, port: number): string {
  const { user, syncInterval, mqttPort } = options;
  // NATS's configuration takes JSON's strings as they are.
  // A time must be one of them, too: a bare 2m is two million, of seconds.
  const sync = syncInterval === undefined ? '' : `, sync_interval: ${JSON.stringify(syncInterval)}`;
  const lines = [
    `server_name: ${JSON.stringify(options.serverName ?? 'thebox')}`,
    `listen: "${LOOPBACK}:${port}"`,
    `ports_file_dir: ${JSON.stringify(options.dataDir)}`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    `jetstream { store_dir: ${JSON.stringify(options.dataDir)}${sync} }`,
  ];
  // It keeps MQTT's sessions in JetStream, in streams of its own named $MQTT_…, and finds them by its name.
  if (mqttPort !== undefined) lines.push(`mqtt { listen: "${LOOPBACK}:${mqttPort}"${tlsConfig(options)} }`);
  if (user !== undefined) lines.push(...authorization(user, options));
  return `${lines.join('\n')}\n`;
}

function tlsConfig({ mqttTls }: NatsOptions): string {
  if (mqttTls === undefined) return '';
  return `, tls { cert_file: ${JSON.stringify(mqttTls.certFile)}, key_file: ${JSON.stringify(mqttTls.keyFile)} }`;
}

function authorization(user: string, { password = '', logins }: NatsOptions): string[] {
  const login = `user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)}`;
  if (logins === undefined) return [`authorization { ${login} }`];
  const system = `user: ${JSON.stringify(logins.systemUser)}, password: ${JSON.stringify(logins.systemPassword)}`;
  const known = [user, logins.systemUser].map((each) => JSON.stringify(each)).join(', ');
  return [
    `accounts { $SYS { users: [ { ${system} } ] } }`,
    // The connector may have to read the sources first.
    `authorization { timeout: 10, users: [ { ${login} } ],`,
    `  auth_callout { issuer: ${JSON.stringify(logins.issuer)}, auth_users: [ ${known} ] } }`,
  ];
}

/** The ports that the server has written down, which it does once it listens on all of them. */
async function writtenPort(portsFile: string): Promise<number> {
  const ports: unknown = JSON.parse(await readFile(portsFile, 'utf8'));
  const urls = typeof ports === 'object' && ports !== null && 'nats' in ports ? ports.nats : undefined;
  const url: unknown = Array.isArray(urls) ? urls[0] : undefined;
  if (typeof url !== 'string') throw new Error(`${portsFile} names no port`);
  return Number(new URL(url).port);
}
