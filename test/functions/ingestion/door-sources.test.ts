import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { pairsOf, readAttributes } from '#lib/bus/event-headers.ts';
import { ensureStreams } from '#lib/bus/jetstream-streams.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { SOURCE_CHANGED_SUBJECT, STREAM } from '#lib/bus/subjects.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import { open } from '../../../functions/ingestion/handler.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { recordOf } from '../../support/scenario.ts';
import { temporaryFolder } from '../../support/servers.ts';
import { ed25519Signer, hmacHeaders, nowSeconds } from '../../support/signing.ts';
import { sourceRecord, withToken } from '../../support/source.ts';
import { post } from './call.ts';

const HMAC_SECRET = 'a secret of more than 24 bytes';
const KEY = { authorization: 'Bearer k1' };

const ingestion = { in_topic: 'door.in', out_topic: 'door.features', data_descriptor: 'named' };
const SCENARIOS = ['allow', 'quarantine', 'refuse', 'signed'].map((id) =>
  recordOf(
    id,
    parseScenario({
      scenario_name: id,
      scenario_definition: {
        ingestion_definition: ingestion,
        ...(id === 'signed' ? { require_signature: true } : { unknown_sources: id }),
      },
    }),
  ),
);

describe('POST /signal/{scenario}/{source} of a source that is known', () => {
  const signer = ed25519Signer();
  const kiln = withToken(sourceRecord('kiln', { public_key: signer.publicKey }));
  const sources = new Map<string, SourceRecord>();
  let oven = withToken(sourceRecord('oven'));
  let nats: NatsServer;
  let connection: NatsConnection;
  let orchestrator: Server;
  let fn: OpenedFunction;

  before(async () => {
    nats = await startNats({ dataDir: await temporaryFolder('door-sources') });
    connection = await connectNats({ url: nats.url, name: 'test' });
    const limits = { maxBytes: 8 * 1024 * 1024, maxDeadBytes: 1024 * 1024, duplicateWindowMs: 60_000 };
    await ensureStreams(await jetstreamManager(connection), ['door.in', 'door.features'], limits);
    const secrets = await temporaryFolder('door-secrets');
    await writeFile(join(secrets, 'box-api-key'), 'k1');
    await writeFile(join(secrets, 'source-mixer'), HMAC_SECRET);
    for (const record of [
      kiln.record,
      oven.record,
      sourceRecord('mixer', { hmac_secret: 'source-mixer' }),
      sourceRecord('plain'),
      // So seldom that no machine is so slow that there is room for another one meanwhile.
      sourceRecord('slow', { quota: { signals_per_second: 0.001 } }),
      sourceRecord('large', { quota: { bytes_per_day: 10 } }),
    ]) {
      sources.set(record.id, record);
    }
    orchestrator = createServer((request, response) => {
      const [, kind, id] = /^\/function\/orchestrator\/(scenario|source)\/([^/?]+)/.exec(request.url ?? '') ?? [];
      const found = kind === 'source' ? sources.get(id ?? '') : SCENARIOS.find((scenario) => scenario.id === id);
      response.writeHead(found ? 200 : 404, { 'content-type': `application/${found ? '' : 'problem+'}json` });
      response.end(JSON.stringify(found ?? {}));
    });
    await new Promise<void>((resolve) => orchestrator.listen(0, '127.0.0.1', resolve));
    fn = await open({
      GATEWAY_URL: `http://127.0.0.1:${(orchestrator.address() as AddressInfo).port}`,
      NATS_URL: nats.url,
      SECRETS_DIR: secrets,
      LOG_LEVEL: 'silent',
    });
  });

  after(async () => {
    await fn.close();
    await connection.close();
    orchestrator.close();
    await nats.stop();
  });

  // `post` sends the appliance's key, unless another is given.
  const send = (path: string, body: string, headers: Record<string, string> = {}) => post(fn, path, body, headers);
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const unsigned = { authorization: '' };
  const last = async () => {
    const manager = await jetstreamManager(connection);
    const { state } = await manager.streams.info(STREAM);
    const message = await manager.streams.getMessage(STREAM, { seq: state.last_seq });
    return { subject: message?.subject, attributes: readAttributes(pairsOf(message?.header)) };
  };
  const refusals = async (reason: string) => {
    const line = (await fn.metrics()).split('\n').find((each) => each.includes(`reason="${reason}"`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  it('its token opens its own door, and the message says what proved it', async () => {
    const answer = await send('/signal/refuse/kiln', '1', bearer(kiln.token));
    assert.equal(answer.status, 202);
    const { subject, attributes } = await last();
    assert.equal(subject, 'thebox.door.kiln.door.in');
    assert.deepEqual([attributes.source, attributes.sourceproof], ['kiln', 'token']);
    assert.equal(
      (await send('/signal/allow/kiln', '1', { 'api-access-key': kiln.token, authorization: '' })).status,
      202,
    );
  });

  it('its token opens no other door', async () => {
    const before = await refusals('wrong_token');
    for (const path of ['/signal/allow/oven', '/signal/allow', '/signal/allow/nobody', '/signal/refuse/oven']) {
      assert.equal((await send(path, '1', bearer(kiln.token))).status, 403, path);
    }
    assert.equal(await refusals('wrong_token'), before + 4);
  });

  it('without any credential it is refused, whatever the scenario', async () => {
    const before = await refusals('no_credential');
    for (const scenario of ['allow', 'quarantine', 'refuse']) {
      const { status, headers } = await send(`/signal/${scenario}/kiln`, '1', unsigned);
      assert.equal(status, 401, scenario);
      assert.equal(headers['www-authenticate'], 'Bearer');
    }
    assert.equal(await refusals('no_credential'), before + 3);
  });

  it("the appliance's own key opens every door, and that is what the message says", async () => {
    assert.equal((await send('/signal/refuse/kiln', '1', KEY)).status, 202);
    assert.equal((await last()).attributes.sourceproof, 'key');
  });

  it('a token that was changed opens nothing any more as soon as that is told', async () => {
    assert.equal((await send('/signal/allow/oven', '1', bearer(oven.token))).status, 202);
    const old = oven.token;
    oven = withToken({ ...oven.record, rev: '2-b' });
    sources.set('oven', oven.record);
    connection.publish(SOURCE_CHANGED_SUBJECT, 'oven');
    await connection.flush();
    // The function reads the same connection's messages in order: its own round trip comes after the news.
    await fn.health();
    assert.equal((await send('/signal/allow/oven', '1', bearer(old))).status, 403);
    assert.equal((await send('/signal/allow/oven', '1', bearer(oven.token))).status, 202);
  });

  it('a signature is proof enough, by Ed25519 and by HMAC', async () => {
    const signed = { ...unsigned, ...signer.headers('{"t": 1}', 'm-1') };
    assert.equal((await send('/signal/signed/kiln', '{"t": 1}', signed)).status, 202);
    assert.equal((await last()).attributes.sourceproof, 'ed25519');
    const mac = { ...unsigned, ...hmacHeaders(HMAC_SECRET, '{"t": 1}', 'm-1') };
    assert.equal((await send('/signal/signed/mixer', '{"t": 1}', mac)).status, 202);
    assert.equal((await last()).attributes.sourceproof, 'hmac-sha256');
  });

  it('a forged signature is refused, with a token too', async () => {
    const before = await refusals('bad_signature');
    const right = signer.headers('1', 'forged');
    const other = ed25519Signer().headers('1', 'forged');
    const forgeries: Record<string, string>[] = [
      { ...right, 'webhook-id': 'another' },
      { ...right, 'webhook-timestamp': String(nowSeconds() + 1) },
      { ...right, 'webhook-signature': other['webhook-signature'] ?? '' },
      { ...right, 'webhook-signature': 'v1a,' },
      { ...right, 'webhook-signature': (right['webhook-signature'] ?? '').replace('v1a', 'v1') },
      { 'webhook-id': 'only' },
      signer.headers('1', 'late', nowSeconds() - 400),
      signer.headers('1', 'early', nowSeconds() + 400),
    ];
    for (const forged of forgeries) {
      const answer = await send('/signal/signed/kiln', '1', { ...bearer(kiln.token), ...forged });
      assert.equal(answer.status, 401, JSON.stringify(forged));
    }
    assert.equal((await send('/signal/allow/kiln', '2', { ...unsigned, ...right })).status, 401);
    assert.equal(await refusals('bad_signature'), before + forgeries.length + 1);
    assert.equal((await send('/signal/signed/kiln', '1', { ...unsigned, ...right })).status, 202);
  });

  it('a replay is refused, in another scenario too', async () => {
    const signed = { ...unsigned, ...signer.headers('7', 'once') };
    assert.equal((await send('/signal/signed/kiln', '7', signed)).status, 202);
    for (const path of ['/signal/signed/kiln', '/signal/allow/kiln']) {
      const again = await send(path, '7', signed);
      assert.deepEqual([again.status, again.body.reason], [409, 'replayed'], path);
    }
  });

  it('of two that are the same and come at once one is taken', async () => {
    const signed = { ...unsigned, ...signer.headers('8', 'at-once') };
    const answers = await Promise.all([1, 2].map(() => send('/signal/signed/kiln', '8', signed)));
    const statuses = answers.map(({ status }) => status).sort();
    assert.equal(statuses[0], 202);
    assert.ok(statuses[1] === 409 || statuses[1] === 503, String(statuses[1]));
    assert.equal((await send('/signal/signed/kiln', '8', signed)).status, 409);
  });

  it('a signed signal that could not be stored may come again', async () => {
    const signed = { ...unsigned, ...signer.headers('', 'empty') };
    assert.equal((await send('/signal/signed/kiln', '', signed)).status, 400);
    assert.equal((await send('/signal/signed/kiln', '', signed)).status, 400);
  });

  it('a scenario that wants signatures takes neither token nor key alone', async () => {
    for (const credential of [bearer(kiln.token), KEY]) {
      const answer = await send('/signal/signed/kiln', '1', credential);
      assert.deepEqual([answer.status, answer.body.reason], [401, 'no_signature']);
    }
  });

  it('unknown sources are taken, kept apart, or refused, as the scenario says', async () => {
    assert.equal((await send('/signal/allow/stranger', '1')).status, 202);
    const held = await send('/signal/quarantine/stranger', '1');
    assert.deepEqual([held.status, held.body.quarantined], [202, true]);
    assert.equal((await last()).subject, 'door.in.stranger');
    for (const path of ['/signal/refuse/stranger', '/signal/refuse']) {
      const answer = await send(path, '1');
      assert.deepEqual([answer.status, answer.body.reason], [403, 'unknown_source'], path);
    }
  });

  it('a quota holds by signals and by bytes, and says when there is room again', async () => {
    assert.equal((await send('/signal/allow/slow', '1')).status, 202);
    const slow = await send('/signal/allow/slow', '1');
    assert.deepEqual([slow.status, slow.body.reason], [429, 'quota']);
    assert.ok(Number(slow.headers['retry-after']) >= 900);
    assert.equal((await send('/signal/allow/large', '0123456789')).status, 202);
    assert.equal((await send('/signal/allow/large', '0')).status, 429);
    // Each scenario has a quota of its own.
    assert.equal((await send('/signal/refuse/large', '0')).status, 202);
  });

  it('an Idempotency-Key that comes again is answered as before, with another body 422', async () => {
    const key = { 'idempotency-key': 'long-1' };
    const first = await send('/signal/allow/plain', '{"a": 1}', key);
    assert.deepEqual(first.body, { correlation_id: 'long-1' });
    const { state } = await (await jetstreamManager(connection)).streams.info(STREAM);
    const again = await send('/signal/allow/plain', '{"a": 1}', key);
    assert.deepEqual([again.status, again.body], [202, { correlation_id: 'long-1', duplicate: true }]);
    const other = await send('/signal/allow/plain', '{"a": 2}', key);
    assert.equal(other.status, 422);
    const after = await (await jetstreamManager(connection)).streams.info(STREAM);
    assert.equal(after.state.messages, state.messages);
    assert.equal((await send('/signal/refuse/plain', '{"a": 2}', key)).status, 202);
  });
});
