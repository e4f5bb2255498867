import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { BoxError, errorText } from '../error/box-error.ts';

/** Message schedules and per-message limits that the bus rests on came with this version. */
const LEAST_SERVER = '2.12.0';
/** Between two tries to connect again: a refused connection costs next to nothing, a board's other services wait for this one. */
const RECONNECT_MS = 500;

export interface NatsOptions {
  /** `nats://host:port`, or several separated by commas. */
  readonly url: string;
  /** Shown in the server's list of connections. */
  readonly name: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** What to do when the server is not there at first: fail at once, or wait for it. Lost connections are always made again. */
  readonly atFirst?: 'fail' | 'wait';
}

/**
 * Connects to NATS, and again whenever the connection is lost.
 *
 * @throws BoxError `unavailable` when there is no server, `not_implemented` when the server is older than 2.12.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  const connection = await connect({
    servers: options.url.split(',').map((server) => server.trim()),
    name: options.name,
    ...(options.user !== undefined && { user: options.user }),
    ...(options.password !== undefined && { pass: options.password }),
    maxReconnectAttempts: -1,
    waitOnFirstConnect: options.atFirst === 'wait',
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_MS / 2,
    pingInterval: 20_000,
    timeout: 5000,
    // A stack trace per request costs a third of the throughput.
    noAsyncTraces: true,
  }).catch((cause: unknown) => {
    throw new BoxError('unavailable', `Cannot connect to NATS: ${errorText(cause)}`, { cause });
  });
  const version = connection.info?.version ?? '0';
  if (version.localeCompare(LEAST_SERVER, 'en', { numeric: true }) < 0) {
    await connection.close();
    throw new BoxError(
      'not_implemented',
      `Cannot use NATS server: it must be ${LEAST_SERVER} or later, got ${version}`,
    );
  }
  return connection;
}

/**
 * Resolves once the server has taken everything that was sent.
 *
 * @throws BoxError `unavailable` when it does not answer in time: while the connection is lost, that is until it is back.
 */
export async function checkAnswers(connection: NatsConnection, timeoutMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([connection.flush(), promise]);
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot reach NATS: ${errorText(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
