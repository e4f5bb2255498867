import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { BoxError, errorText } from '../error/box-error.ts';

/** Message schedules and per-message limits that the bus rests on came with this version. */
const LEAST_SERVER = { major: 2, minor: 12 };
/** Between two tries to connect again: a refused connection costs next to nothing, a board's other services wait for this one. */
const RECONNECT_MS = 500;

/**
 * Where the box's own parts are answered. Sensors may listen on `_INBOX.>`, NATS's usual place, for what becomes of their
 * signals: what our parts ask for is not for them.
 */
export const INBOX_PREFIX = '_BOX';

export interface NatsOptions {
  /** `nats://host:port`, or several separated by commas. A login may stand in it: `user:password@`, or `token@`. */
  readonly url: string;
  /** Shown in the server's list of connections. */
  readonly name: string;
  /** Instead of what the URL says. */
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
  const { servers, login } = readUrls(options.url);
  const connection = await connect({
    servers,
    name: options.name,
    inboxPrefix: INBOX_PREFIX,
    ...(options.user === undefined ? login : { user: options.user, pass: options.password ?? '' }),
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
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < LEAST_SERVER.major || (major === LEAST_SERVER.major && minor < LEAST_SERVER.minor)) {
    await connection.close();
    throw new BoxError(
      'not_implemented',
      `Cannot use NATS server: it must be ${LEAST_SERVER.major}.${LEAST_SERVER.minor} or later, got ${version}`,
    );
  }
  return connection;
}

interface Login {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** The addresses of such a URL without the login, for the log. */
export function natsAddresses(url: string): string {
  return readUrls(url).servers.join(',');
}

/** Servers without the login, and the first login that one of them has: the client takes it apart from the addresses. */
function readUrls(urls: string): { servers: string[]; login: Login } {
  let login: Login = {};
  const servers = urls.split(',').map((each) => {
    const url = each.trim();
    const [, scheme = '', said, rest = ''] = /^([a-z]+:\/\/)?(?:(.*)@)?([^@]*)$/i.exec(url) ?? [];
    if (said !== undefined && Object.keys(login).length === 0) login = loginOf(said);
    return scheme + rest;
  });
  return { servers, login };
}

/** As NATS's own tools read it: a user without a password is a token. */
function loginOf(said: string): Login {
  const colon = said.indexOf(':');
  if (colon === -1) return { token: decoded(said) };
  return { user: decoded(said.slice(0, colon)), pass: decoded(said.slice(colon + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    const rule = 'a % in the user or password of its URL must be written %25';
    throw new BoxError('invalid_argument', `Cannot use NATS server: ${rule}`, { cause });
  }
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
