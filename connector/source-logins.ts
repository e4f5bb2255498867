import { decode, encodeAuthorizationResponse, encodeUser, fromPublic, fromSeed, type KeyPair } from '@nats-io/jwt';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { sourceSubjects } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { Refusals } from '#lib/source/refusals.ts';
import { isToken, tokenMark } from '#lib/source/token.ts';
import { openSourceConnections } from './source-connections.ts';
import type { SourceRegistry } from './source-registry.ts';

/** Lets sources log in at NATS and at its MQTT listener: see docs/decisions/source-logins.md. */
export interface SourceLogins {
  /** The source is another now, or is no more: connections that were opened with what it had are ended. */
  changed(id: string): void;
  close(): Promise<void>;
}

export interface SourceLoginOptions {
  /** The seed of the account key that nats-server believes (`auth_callout.issuer`). */
  readonly issuerSeed: string;
  /** Whether who sends no credential at all may log in: the topics of scenarios are open to him then. */
  readonly anonymous: boolean;
  /** Connects to nats-server's system account, which may end connections. */
  readonly connectSystem: () => Promise<NatsConnection>;
}

export interface SourceLoginParts extends SourceLoginOptions {
  readonly connection: NatsConnection;
  readonly registry: SourceRegistry;
  readonly refusals: Refusals;
  readonly log: Log;
}

/** Where nats-server asks about a login that it does not know itself. */
const ASK_SUBJECT = '$SYS.REQ.USER.AUTH';
/** The account of everything that is not put in another. */
const ACCOUNT = '$G';
/** nats-server itself decides how long an asker waits: this is above it. */
const ANSWER_VALID_SECONDS = 60;

/** What the box's own parts alone may publish to; the same as in the configuration of nats-server on a board. */
const SYSTEM_SUBJECTS = ['$SYS.>', '$JS.>', '$KV.>', '$O.>', '$MQTT.>', '$SRV.>', 'thebox.>'];

/** The name of a source's connections: with the mark of the token, so that those of an earlier one can be told apart. */
function connectionName(source: string, mark: string): string {
  return `source:${source}:${mark}`;
}

/** Answers nats-server's questions about logins. */
export async function openSourceLogins(parts: SourceLoginParts): Promise<SourceLogins> {
  const { connection, registry, log } = parts;
  const issuer = fromSeed(new TextEncoder().encode(parts.issuerSeed.trim()));
  const connections = openSourceConnections({
    connect: parts.connectSystem,
    log,
    isCurrent(source, mark) {
      const token = registry.get(source)?.token;
      return token !== undefined && tokenMark(token) === mark;
    },
  });
  const answer = async (message: Msg): Promise<void> => {
    await registry.ready;
    const { nats: request } = decode<unknown>(message.string());
    message.respond(await respond(readLoginRequest(request), issuer, parts));
  };
  const subscription = connection.subscribe(ASK_SUBJECT, {
    callback: (error, message) => {
      // Who gets no answer is not let in.
      if (error === null) answer(message).catch((err: unknown) => log.error({ err }, 'a login could not be answered'));
    },
  });
  void registry.ready.then(() => connections.endOutdated());
  return {
    changed: () => void connections.endOutdated(),
    async close() {
      subscription.unsubscribe();
      await connections.close();
    },
  };
}

interface LoginRequest {
  /** The key that nats-server made for the connection. */
  readonly userKey: string;
  readonly serverKey: string;
  readonly door: 'nats' | 'mqtt';
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly hasOther: boolean;
}

function readLoginRequest(value: unknown): LoginRequest {
  const request = record(value);
  const options = record(request.connect_opts);
  const userKey = text(request.user_nkey);
  const serverKey = text(record(request.server_id).id);
  if (userKey === undefined || serverKey === undefined) {
    throw new BoxError('invalid_argument', 'Cannot read login: it must name the user key and the server');
  }
  return {
    userKey,
    serverKey,
    door: record(request.client_info).type === 'mqtt' ? 'mqtt' : 'nats',
    user: text(options.user),
    password: text(options.pass),
    hasOther: [options.auth_token, options.jwt, options.nkey].some((each) => text(each) !== undefined),
  };
}

async function respond(request: LoginRequest, issuer: KeyPair, parts: SourceLoginParts): Promise<string> {
  const user = fromPublic(request.userKey);
  const allowed = allowedTo(request, parts);
  const data =
    allowed === undefined
      ? { error: 'the source is not known, or its token is another' }
      : { jwt: await encodeUser(allowed.name, user, issuer, allowed.claims, { aud: ACCOUNT }) };
  const exp = Math.floor(Date.now() / 1000) + ANSWER_VALID_SECONDS;
  return encodeAuthorizationResponse(user, fromPublic(request.serverKey), issuer, data, { exp });
}

/** Whom a login opens what; undefined for one that opens nothing. */
function allowedTo(
  { door, user, password, hasOther }: LoginRequest,
  { registry, refusals, anonymous }: SourceLoginParts,
) {
  if (user === undefined && password === undefined && !hasOther && anonymous) {
    return claimsOf('anonymous', SYSTEM_SUBJECTS, { allow: ['>'], deny: ['$SYS.>'] });
  }
  const token = user === undefined ? undefined : registry.get(user)?.token;
  if (user === undefined || token === undefined || !isToken(password ?? '', token)) {
    const reason = password === undefined && !hasOther ? 'no_credential' : 'wrong_token';
    refusals.refused({ door, reason, source: user ?? 'default' });
    return undefined;
  }
  // To listen is for who acts upon notifications; a sensor hears whether its signals were stored.
  const mayHear = { allow: ['_INBOX.>'], deny: [] };
  return claimsOf(connectionName(user, tokenMark(token)), undefined, mayHear, sourceSubjects(user));
}

function claimsOf(
  name: string,
  deny: readonly string[] | undefined,
  sub: { allow: string[]; deny: string[] },
  allow = '>',
) {
  const pub = { allow: [allow], deny: [...(deny ?? [])] };
  return { name, claims: { pub, sub, subs: -1, data: -1, payload: -1 } };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Text that says something. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
