import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { ensureStreams } from '#lib/bus/jetstream-streams.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { TopicMessage } from '#lib/bus/topic-reader.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import { open } from '../../../functions/ingestion/handler.ts';
import { type Gateway, openGateway } from '../../../local/gateway/gateway.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { deployedFunction } from '../../support/deployed-function.ts';
import { recordOf } from '../../support/scenario.ts';
import { type ServedFunction, serveFunction } from '../../support/served-function.ts';
import { temporaryFolder } from '../../support/servers.ts';
import { ed25519Signer } from '../../support/signing.ts';
import { sourceRecord } from '../../support/source.ts';

const MIB = 1024 ** 2;
const STREAM_BYTES = 100 * MIB;
/** So that small bodies are large ones: what is larger than this is cut, into parts of at most this. */
const SMALL = { MAX_SIGNAL_BYTES: '20000', MAX_UPLOAD_BYTES: '300000' };
const NDJSON = { 'content-type': 'application/x-ndjson' };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: {
    readonly correlation_ids?: string[];
    readonly stored?: string[];
    readonly taken?: unknown;
    readonly detail?: string;
    readonly [other: string]: unknown;
  };
}

/** So many lines of JSON, of some 100 bytes each, with letters of several bytes. */
function lines(count: number, from = 0): string {
  return Array.from({ length: count }, (_, i) => `{"n":${from + i},"text":"${'wärme €'.repeat(9)}"}\r\n`).join('');
}

describe('POST /signal/{scenario} of large bodies of lines', () => {
  const signer = ed25519Signer();
  let nats: NatsServer;
  let connection: NatsConnection;
  let orchestrator: Server;
  let gateway: Gateway;
  const served = new Map<string, ServedFunction>();

  before(async () => {
    nats = await startNats({ dataDir: await temporaryFolder('door-upload') });
    connection = await connectNats({ url: nats.url, name: 'test' });
    const limits = { maxBytes: STREAM_BYTES, maxDeadBytes: MIB, duplicateWindowMs: 60_000 };
    await ensureStreams(await jetstreamManager(connection), ['up.in', 'up.features'], limits);
    const secrets = await temporaryFolder('door-upload-secrets');
    await writeFile(join(secrets, 'box-api-key'), 'k1');
    orchestrator = await startOrchestrator([
      sourceRecord('metered', { quota: { signals_per_second: 0.001 } }),
      sourceRecord('signer', { public_key: signer.publicKey }),
    ]);
    const { port } = orchestrator.address() as AddressInfo;
    const env = {
      GATEWAY_URL: `http://127.0.0.1:${port}`,
      NATS_URL: nats.url,
      SECRETS_DIR: secrets,
      LOG_LEVEL: 'silent',
    };
    served.set('ingestion', await serveFunction(open, env));
    served.set('small', await serveFunction(open, { ...env, ...SMALL }));
    served.set('hasty', await serveFunction(open, { ...env, ...SMALL, UPLOAD_SECONDS: '1' }));
    const deployed = [...served].map(([name, { url }]) => deployedFunction(name, url));
    gateway = await openGateway({
      functions: { find: (name) => deployed.find((each) => each.name === name), list: () => deployed },
      login: { user: 'admin', password: 'secret' },
    });
  });

  after(async () => {
    await gateway.close();
    for (const each of served.values()) await each.close();
    await connection.close();
    orchestrator.close();
    await nats.stop();
  });

  /** Sends through the gateway; a body that is no Buffer in chunks of unknown number. */
  const send = async (
    path: string,
    body: Buffer | string | Iterable<Buffer>,
    headers: Record<string, string> = NDJSON,
  ): Promise<Answer> => {
    const sent = typeof body === 'string' ? Buffer.from(body) : body;
    const outgoing = request(`${gateway.url}/function/${path}`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer k1',
        ...headers,
        ...(Buffer.isBuffer(sent) && { 'content-length': String(sent.length) }),
      },
    });
    const answered = once(outgoing, 'response');
    // What is refused in the middle need not be read to its end.
    pipeline(Readable.from(Buffer.isBuffer(sent) ? [sent] : sent), outgoing).catch(() => undefined);
    const [incoming] = await answered;
    const answer = { status: incoming.statusCode, headers: incoming.headers, body: Object(await json(incoming)) };
    outgoing.destroy();
    return answer;
  };

  const lastSeq = async () => (await (await jetstreamManager(connection)).streams.info('THEBOX')).state.last_seq;

  /** What the topic has of a source. */
  const stored = async (source: string): Promise<TopicMessage[]> => {
    const found: TopicMessage[] = [];
    const reader = openJetStreamTopicReader(connection);
    for await (const message of reader.read(`up.in.${source}`, { from: { seq: 1 }, until: 'end' })) found.push(message);
    return found;
  };
  const contentOf = (messages: readonly TopicMessage[]) => Buffer.concat(messages.map(({ body }) => body)).toString();

  it('a body that is not larger than a signal stays one, of whatever length it says it is', async () => {
    const text = lines(100);
    for (const body of [text, [Buffer.from(text.slice(0, 5000)), Buffer.from(text.slice(5000))]]) {
      const answer = await send('small/signal/up/whole', body);
      assert.equal(answer.status, 202);
      const id = String(answer.body.correlation_id);
      const message = (await stored('whole')).at(-1);
      assert.deepEqual([message?.attributes.id, contentOf(message ? [message] : [])], [id, text]);
    }
    const packed = { ...NDJSON, 'content-encoding': 'gzip' };
    assert.equal(typeof (await send('small/signal/up/whole', gzipSync(text), packed)).body.correlation_id, 'string');
    assert.equal(contentOf((await stored('whole')).slice(-1)), text);
    assert.equal((await send('small/signal/up/whole', [])).status, 400);
  });

  it('more lines than a signal may have are cut however small the body is, and wait=1 is refused', async () => {
    const many = Buffer.from('1\n'.repeat(10_001));
    for (const [path, body, headers] of [
      ['many', many, NDJSON],
      ['many-packed', gzipSync(many), { ...NDJSON, 'content-encoding': 'gzip' }],
      ['many-chunks', [many.subarray(0, 7777), many.subarray(7777)], NDJSON],
      ['many-rows', Buffer.from(`a,b\r\n${'1,2\r\n'.repeat(10_000)}`), { 'content-type': 'text/csv' }],
    ] as const) {
      const answer = await send(`ingestion/signal/up/${path}`, body, headers);
      assert.equal(answer.body.correlation_ids?.length, 6, path);
    }
    assert.equal(contentOf(await stored('many')), many.toString());
    const fewer = await send('ingestion/signal/up/many', many.subarray(2));
    assert.equal(typeof fewer.body.correlation_id, 'string');
    const waiting = await send('ingestion/signal/up/many?wait=1', many);
    assert.equal(waiting.status, 400);
    assert.match(waiting.body.detail ?? '', /10000 lines is many signals/);
  });

  it('60 MB of NDJSON are stored whole and in order, in parts of whole lines', async () => {
    const block = Buffer.from(lines(700));
    const hash = createHash('sha256');
    let bytes = 0;
    const body = (function* () {
      // The pieces end wherever they end, in a line, a letter or a line end.
      while (bytes < 60e6) {
        hash.update(block);
        bytes += block.length;
        yield block.subarray(0, 33_333);
        yield block.subarray(33_333);
      }
    })();
    const answer = await send('ingestion/signal/up/large', body);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const messages = await stored('large');
    assert.deepEqual(
      messages.map(({ attributes }) => attributes.id),
      answer.body.correlation_ids,
    );
    assert.equal(messages.length, Math.ceil(((bytes / block.length) * 700) / 2000));
    const found = createHash('sha256');
    for (const { body, attributes } of messages) {
      assert.ok(body.length <= MIB && Buffer.from(body).toString('latin1').endsWith('}\r\n'));
      assert.equal(attributes.datacontenttype, 'application/x-ndjson');
      found.update(body);
    }
    assert.equal(found.digest('hex'), hash.digest('hex'));
  });

  it('CSV has its header at the head of each part', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => `${i},"two\nlines",ä`);
    const answer = await send('small/signal/up/csv', `n,text,more\n${rows.join('\n')}\n`, {
      'content-type': 'text/csv',
    });
    assert.equal(answer.status, 202);
    const messages = await stored('csv');
    assert.ok(messages.length >= 4);
    const parts = messages.map((message) => contentOf([message]));
    for (const part of parts) assert.ok(part.startsWith('n,text,more\n') && part.endsWith(',ä\n'));
    assert.equal(parts.map((part) => part.slice(12)).join(''), `${rows.join('\n')}\n`);
  });

  it('a content encoding is undone as it comes, up to a limit on all that comes of it', async () => {
    const text = lines(1000);
    for (const [encoding, packed] of [
      ['gzip', gzipSync(text)],
      ['br', brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } })],
      ['deflate', deflateSync(text)],
    ] as const) {
      for (const body of [packed, [packed.subarray(0, 100), packed.subarray(100)]]) {
        const source = `${encoding}-${Buffer.isBuffer(body) ? 'known' : 'chunked'}`;
        const answer = await send(`small/signal/up/${source}`, body, { ...NDJSON, 'content-encoding': encoding });
        assert.equal(answer.status, 202, source);
        assert.equal(contentOf(await stored(source)), text);
      }
    }
    const large = gzipSync(lines(4000));
    const answer = await send('small/signal/up/bomb', large, { ...NDJSON, 'content-encoding': 'gzip' });
    assert.deepEqual([answer.status, answer.body.stored?.length], [413, (await stored('bomb')).length]);
    assert.match(answer.body.detail ?? '', /a body may have 300000 bytes at most, unpacked/);
    const cut = gzipSync(lines(2000)).subarray(0, -2000);
    assert.equal((await send('small/signal/up/cut', cut, { ...NDJSON, 'content-encoding': 'gzip' })).status, 400);
    assert.equal((await send('small/signal/up/cut', 'x', { ...NDJSON, 'content-encoding': 'zip' })).status, 415);
  });

  it('gzip that nobody tells of is known by its first bytes, when it is larger than a signal', async () => {
    const text = Array.from({ length: 4000 }, (_, i) => `"${createHash('sha256').update(String(i)).digest('hex')}"\n`);
    assert.equal((await send('small/signal/up/hidden', gzipSync(text.join('')))).status, 202);
    assert.equal(contentOf(await stored('hidden')), text.join(''));
  });

  it('one line that is longer than a part is refused by its number, and the error says what was stored', async () => {
    const text = lines(400);
    const answer = await send('small/signal/up/overlong', `${text}"${'x'.repeat(30_000)}"\n1\n`);
    assert.equal(answer.status, 413);
    assert.match(answer.body.detail ?? '', /^Cannot take signal: line 401 is longer than the 20000 bytes/);
    const messages = await stored('overlong');
    assert.ok(messages.length >= 2);
    const bytes = contentOf(messages);
    assert.ok(text.startsWith(bytes));
    assert.deepEqual(
      answer.body.stored,
      messages.map(({ attributes }) => attributes.id),
    );
    assert.deepEqual(answer.body.taken, { bytes: Buffer.byteLength(bytes), lines: bytes.split('\n').length - 1 });
    assert.equal(answer.body.line, 401);
  });

  it('the same body under the same key is answered as before, another one is refused, before it is stored', async () => {
    const headers = { ...NDJSON, 'idempotency-key': 'K' };
    const first = await send('small/signal/up/again', lines(1000), headers);
    const ids = first.body.correlation_ids ?? [];
    assert.deepEqual(ids.slice(0, 3), ['K.0', 'K.1', 'K.2']);
    const seq = await lastSeq();
    const again = await send('small/signal/up/again', [Buffer.from(lines(1000))], headers);
    assert.deepEqual([again.status, again.body], [202, { correlation_ids: ids, duplicate: true }]);
    // One that differs from its first line on, one that goes on, one that is shorter, one that is not cut.
    for (const other of [lines(1000, 1), lines(1400), lines(500), lines(1)]) {
      assert.equal((await send('small/signal/up/again', other, headers)).status, 422);
    }
    assert.equal(await lastSeq(), seq);
    await send('small/signal/up/again', '1', { ...NDJSON, 'idempotency-key': 'one' });
    const large = await send('small/signal/up/again', lines(1000), { ...NDJSON, 'idempotency-key': 'one' });
    assert.deepEqual([large.status, large.body.stored], [422, []]);
  });

  it('an upload that failed goes on under its key where it was, without storing anything twice', async () => {
    const text = lines(1000);
    const headers = { ...NDJSON, 'idempotency-key': 'resumed', 'content-encoding': 'deflate' };
    const half = deflateSync(text, { level: 0 }).subarray(0, 70_000);
    const failed = await send('small/signal/up/resumed', half, headers);
    assert.equal(failed.status, 400);
    const kept = failed.body.stored ?? [];
    assert.ok(kept.length >= 2);
    const whole = await send('small/signal/up/resumed', deflateSync(text), headers);
    assert.deepEqual([whole.status, whole.body.duplicate], [202, undefined]);
    assert.deepEqual(whole.body.correlation_ids?.slice(0, kept.length), kept);
    assert.equal(contentOf(await stored('resumed')), text);
  });

  it('a caller who goes away in the middle leaves whole lines', async () => {
    const text = lines(1000);
    const outgoing = request(`${gateway.url}/function/small/signal/up/gone`, {
      method: 'POST',
      headers: { authorization: 'Bearer k1', ...NDJSON, 'content-length': Buffer.byteLength(text) },
    });
    outgoing.on('error', () => undefined);
    const subscription = connection.subscribe('up.in.gone', { max: 2 });
    outgoing.write(text.slice(0, 50_050));
    for await (const _ of subscription);
    await new Promise((resolve) => {
      outgoing.once('close', resolve);
      outgoing.destroy();
    });
    const bytes = contentOf(await stored('gone'));
    assert.ok(text.startsWith(bytes) && bytes.endsWith('\n'));
    assert.equal((await send('small/signal/up/gone', '1\n')).status, 202);
  });

  it('a body that takes too long is answered in the middle, with what was stored and how much of it that is', async () => {
    const text = lines(1000);
    const outgoing = request(`${gateway.url}/function/hasty/signal/up/slow`, {
      method: 'POST',
      headers: { authorization: 'Bearer k1', ...NDJSON, 'idempotency-key': 'slow' },
    });
    const answered = once(outgoing, 'response');
    outgoing.on('error', () => undefined);
    outgoing.write(text.slice(0, 50_050));
    const [incoming] = await answered;
    const { stored: ids, taken, code } = Object(await json(incoming));
    outgoing.destroy();
    assert.deepEqual([incoming.statusCode, code], [504, 'deadline_exceeded']);
    const messages = await stored('slow');
    assert.deepEqual(
      ids,
      messages.map(({ attributes }) => attributes.id),
    );
    assert.ok(messages.length >= 2);
    const rest = Buffer.from(text).subarray(taken.bytes);
    assert.equal((await send('hasty/signal/up/slow', rest, { ...NDJSON, 'idempotency-key': 'rest' })).status, 202);
    assert.equal(contentOf(await stored('slow')), text);
  });

  it('each part counts against the quota, and the answer in the middle says when to go on', async () => {
    const before = await lastSeq();
    const answer = await send('small/signal/up/metered', lines(1000));
    assert.deepEqual([answer.status, answer.body.reason], [429, 'quota']);
    assert.ok(Number(answer.headers['retry-after']) >= 1);
    assert.equal(answer.body.stored?.length, 1);
    assert.equal(await lastSeq(), before + 1);
  });

  it('wait=1 is for one signal: a body that is cut is refused with it before any of it is stored', async () => {
    for (const body of [lines(1000), [Buffer.from(lines(1000))]]) {
      const answer = await send('small/signal/up/waiting?wait=1', body);
      assert.equal(answer.status, 400);
      assert.match(answer.body.detail ?? '', /^Cannot wait for the outcome: a body of more than 20000 bytes/);
    }
    assert.deepEqual(await stored('waiting'), []);
  });

  it('a signed body is held whole, up to the size of a signal', async () => {
    const text = lines(100);
    const signed = (body: string, id: string) => ({ ...NDJSON, authorization: '', ...signer.headers(body, id) });
    assert.equal((await send('small/signal/up/signer', [Buffer.from(text)], signed(text, 's-1'))).status, 202);
    const answer = await send('small/signal/up/signer', lines(1000), signed(lines(1000), 's-2'));
    assert.equal(answer.status, 413);
    assert.match(answer.body.detail ?? '', /at most 20000 bytes are taken, as a signature is over the whole body/);
  });

  it('pictures, JSON and other types are not cut', async () => {
    for (const type of ['application/json', 'image/png', 'text/plain', 'application/cloudevents-batch+json']) {
      const answer = await send('small/signal/up/other', Buffer.alloc(30_000, '1'), { 'content-type': type });
      assert.ok(answer.status === 413 || answer.status === 400, `${type} ${answer.status}`);
    }
    assert.deepEqual(await stored('other'), []);
  });

  it('who may not hand in anything is told so however large the body is', async () => {
    const body = Buffer.alloc(20 * MIB, '1\n');
    const refused = await send('ingestion/signal/up/nobody', body, { ...NDJSON, authorization: 'Bearer x' });
    assert.equal(refused.status, 403);
    assert.equal((await send('ingestion/signal/none', body)).status, 404);
    const beyond = await send(
      'ingestion/signal/up/nobody',
      Array.from({ length: 15 }, () => body),
      {
        ...NDJSON,
        'content-length': String(300 * MIB),
      },
    );
    assert.equal(beyond.status, 413);
  });

  it('a stream that is full says so in the middle of an upload, with what was stored', async () => {
    const block = Buffer.from(lines(5000));
    const body = (function* () {
      for (let i = 0; i < 120; i++) yield block;
    })();
    const answer = await send('ingestion/signal/up/full', body);
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '5');
    const ids = (await stored('full')).map(({ attributes }) => attributes.id);
    assert.ok(ids.length > 5);
    assert.deepEqual(answer.body.stored, ids);
  });
});

/** A server that answers for scenarios and sources as the orchestrator does. */
async function startOrchestrator(sources: readonly SourceRecord[]): Promise<Server> {
  const ingestion = { in_topic: 'up.in', out_topic: 'up.features', data_descriptor: 'named' };
  const scenario = recordOf(
    'up',
    parseScenario({ scenario_name: 'up', scenario_definition: { ingestion_definition: ingestion } }),
  );
  const server = createServer((request, response) => {
    const [, kind, id] = /^\/function\/orchestrator\/(scenario|source)\/([^/?]+)/.exec(request.url ?? '') ?? [];
    const found = kind === 'source' ? sources.find((each) => each.id === id) : id === 'up' ? scenario : undefined;
    response.writeHead(found ? 200 : 404, { 'content-type': `application/${found ? '' : 'problem+'}json` });
    response.end(JSON.stringify(found ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
