import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { openJetStreamQuarantine } from '#lib/bus/jetstream-quarantine.ts';
import { doorSubject } from '#lib/bus/subjects.ts';
import type { ScenarioDefinition, ScenarioRecord } from '#lib/scenario/scenario.ts';
import { openTallyStore, readTally } from '#lib/source/source-tally.ts';
import { ed25519Signer, hmacHeaders, nowSeconds, type SignatureHeaders } from '../support/signing.ts';
import { sourceRecord, withToken } from '../support/source.ts';
import { echo, type Fixture, jsonOf, openFixture, PATIENT, record, until } from './fixture.ts';

const HMAC_SECRET = 'a secret of more than 24 bytes';

function scenario(id: string, more: Partial<ScenarioDefinition>): ScenarioRecord {
  const plain = record(id, {
    ingestion: { in: `${id}.in`, out: `${id}.out`, function: 'echo' },
    notification: { in: `${id}.unused`, out: `${id}.notifications`, function: 'echo' },
  });
  const definition = { ...plain.scenario.scenario_definition, ...more };
  return { ...plain, scenario: { ...plain.scenario, scenario_definition: definition } };
}

describe('connector: sources of signals', () => {
  const signer = ed25519Signer();
  const kiln = withToken(sourceRecord('kiln', { public_key: signer.publicKey }));
  let fixture: Fixture;

  before(async () => {
    fixture = await openFixture(PATIENT);
    await writeFile(join(fixture.secretsDir, 'source-mixer'), HMAC_SECRET);
    fixture.gateway.functions.set('echo', echo);
    fixture.sources.put(kiln.record);
    fixture.sources.put(sourceRecord('mixer', { hmac_secret: 'source-mixer' }));
    fixture.sources.put(sourceRecord('lost', { hmac_secret: 'source-nowhere' }));
    fixture.sources.put(sourceRecord('plain'));
    await fixture.put(scenario('open', {}));
    await fixture.put(scenario('shut', { unknown_sources: 'refuse' }));
    await fixture.put(scenario('apart', { unknown_sources: 'quarantine' }));
    await fixture.put(scenario('signed', { require_signature: true }));
  });

  after(() => fixture.close());

  const publish = async (subject: string, body: string, given: Readonly<Record<string, string>> = {}) => {
    const { connection } = fixture;
    const head: MsgHdrs = headers();
    for (const [name, value] of Object.entries(given)) head.set(name, value);
    const answer = await connection.request(subject, body, { headers: head, timeout: 5000 });
    assert.ok(!answer.string().includes('error'), answer.string());
  };
  /** What came out of the scenario since, as `source proof data`. */
  const processed = async (id: string, from = 0) => {
    await fixture.idle(id);
    const messages = (await fixture.all(`${id}.out`)).slice(from);
    return messages.map(({ attributes, body }) =>
      [attributes.source, attributes.sourceproof ?? '-', Buffer.from(body).toString()].join(' '),
    );
  };
  const count = async (id: string) => {
    await fixture.idle(id);
    return (await fixture.all(`${id}.out`)).length;
  };
  const refusals = async (door: string, reason: string) => {
    const text = await fixture.metrics.registry.metrics();
    const line = text.split('\n').find((each) => each.includes(`{door="${door}",reason="${reason}"}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  it('a scenario that asks for nothing takes what it always took', async () => {
    const from = await count('open');
    await publish('open.in', '1');
    await publish('open.in.cam.1', '2');
    await publish('open.in', '3', { 'ce-source': '/sensors/9' });
    await publish('open.in.plain', '4');
    assert.deepEqual(await processed('open', from), ['default - 1', 'cam.1 - 2', '/sensors/9 - 3', 'plain - 4']);
  });

  it('takes the source from the subject where only that source may publish, and carries what proved it', async () => {
    const from = await count('shut');
    await publish('thebox.source.kiln.shut.in', '1', { 'ce-source': 'other', 'ce-sourceproof': 'ed25519' });
    await publish(doorSubject('kiln', 'shut.in'), '2', { 'ce-sourceproof': 'hmac-sha256' });
    assert.deepEqual(await processed('shut', from), ['kiln token 1', 'kiln hmac-sha256 2']);
  });

  it('does not let a signal pass for several events, whatever mark it bears', async () => {
    const from = await count('open');
    const body = '1},{"specversion":"1.0","id":"x","type":"t","source":"kiln","sourceproof":"ed25519","data":2';
    await publish('open.in.cam', body, { 'Box-Rev': '1-a', 'Content-Type': 'application/json' });
    await publish('open.in.cam', '3');
    assert.deepEqual((await processed('open', from)).at(-1), 'cam - 3');
    assert.equal(
      (await processed('open', from)).some((each) => each.startsWith('kiln')),
      false,
    );
  });

  it('is not held up by a subject whose source is no name that anybody encodes', async () => {
    const from = await count('open');
    for (const token of ['=FF', '=', '=4', 'a=zz']) await publish(`thebox.source.${token}.open.in`, '1');
    await publish('open.in.cam', '2');
    assert.deepEqual(await processed('open', from), ['cam - 2']);
  });

  it('refuses who claims to be a source that has a credential, by subject or by header, in any scenario', async () => {
    const from = await count('open');
    const before = await refusals('nats', 'no_credential');
    await publish('open.in.kiln', '1');
    await publish('open.in.kiln', '2', { 'ce-source': 'other', 'ce-sourceproof': 'token' });
    await publish('open.in', '3', { 'ce-source': 'kiln' });
    await publish('open.in.mqtt', '4', { 'ce-source': 'kiln', 'Nmqtt-Pub': '1' });
    assert.deepEqual(await processed('open', from), []);
    assert.equal(await refusals('nats', 'no_credential'), before + 3);
    assert.equal(await refusals('mqtt', 'no_credential'), 1);
  });

  it('refuses unknown sources where the scenario says so, whatever they say of themselves', async () => {
    const from = await count('shut');
    await publish('shut.in', '1');
    await publish('shut.in.stranger', '2', { 'ce-sourceproof': 'token' });
    await publish('thebox.source.gone.shut.in', '3');
    await publish('shut.in.plain', '4');
    assert.deepEqual(await processed('shut', from), ['plain - 4']);
  });

  it('a signature proves the source on any topic; one that is forged, late or sent again is refused', async () => {
    const from = await count('signed');
    const send = (body: string, given: SignatureHeaders, subject = 'signed.in.kiln') => publish(subject, body, given);
    await send('1', signer.headers('1', 'a'));
    await send('1', hmacHeaders(HMAC_SECRET, '1', 'a'), 'signed.in.mixer');
    await send('2', signer.headers('2', 'b'), 'thebox.source.kiln.signed.in');
    // Sent again, forged, late, not signed at all, and by another's key.
    await send('1', signer.headers('1', 'a'));
    await send('1', signer.headers('1', 'a'), 'thebox.source.kiln.signed.in');
    await send('3', signer.headers('1', 'c'));
    await send('1', signer.headers('1', 'd', nowSeconds() - 400));
    await send('4', {}, 'thebox.source.kiln.signed.in');
    await send('4', ed25519Signer().headers('4', 'e'));
    await send('4', {}, 'signed.in');
    assert.deepEqual(await processed('signed', from), ['kiln ed25519 1', 'mixer hmac-sha256 1', 'kiln ed25519 2']);
    assert.equal(await refusals('nats', 'replayed'), 2);
    assert.equal(await refusals('nats', 'bad_signature'), 3);
    assert.equal(await refusals('nats', 'no_signature'), 2);
  });

  it('a batch that comes again after a crash is no replay', async () => {
    let isDown = true;
    fixture.gateway.functions.set('echo', (call) => (isDown ? { status: 503 } : echo(call)));
    const from = (await fixture.all('signed.out')).length;
    await publish('signed.in.kiln', '5', signer.headers('5', 'crash'));
    await until(() => fixture.gateway.calls.some(({ body }) => body.toString().includes('"data":5')), 'the call');
    await fixture.stopConnector();
    isDown = false;
    await fixture.startConnector();
    await until(async () => (await fixture.all('signed.out')).length > from, 'the signal to be processed');
    assert.deepEqual(await processed('signed', from), ['kiln ed25519 5']);
  });

  it('keeps signals of unknown sources apart until they are released, in their order', async () => {
    const quarantine = await openJetStreamQuarantine(fixture.connection);
    for (const body of ['1', '2', '3']) await publish('apart.in.stranger', body, { 'ce-id': `s-${body}` });
    await publish('apart.in', '4');
    await publish('apart.in.lost', '5', hmacHeaders(HMAC_SECRET, '5', 'a'));
    await publish('apart.in.plain', '6');
    assert.deepEqual(await processed('apart'), ['plain - 6']);
    const held = (await quarantine.list()).toSorted((a, b) => a.source.localeCompare(b.source));
    assert.deepEqual(held, [
      { source: 'default', scenario: 'apart', signals: 1 },
      { source: 'lost', scenario: 'apart', signals: 1 },
      { source: 'stranger', scenario: 'apart', signals: 3 },
    ]);
    fixture.sources.put(sourceRecord('stranger'));
    assert.equal(await quarantine.release('stranger'), 3);
    assert.deepEqual(await processed('apart', 1), ['stranger - 1', 'stranger - 2', 'stranger - 3']);
    assert.equal(await quarantine.release('stranger'), 0);
    assert.equal(await quarantine.drop('default'), 1);
    assert.deepEqual(
      (await quarantine.list()).map(({ source }) => source),
      ['lost'],
    );
    await publish('apart.in.stranger', '7');
    assert.deepEqual(await processed('apart', 4), ['stranger - 7']);
    quarantine.close();
  });

  it('a quota holds by the time at which signals were stored', async () => {
    fixture.sources.put(sourceRecord('quick', { quota: { signals_per_second: 0.1 } }));
    const from = await count('open');
    await publish('open.in.quick', '1');
    await publish('open.in.quick', '2');
    assert.deepEqual(await processed('open', from), ['quick - 1']);
    assert.equal(await refusals('nats', 'quota'), 1);
  });

  it('counts what came, and goes on counting after a restart', async () => {
    const store = await openTallyStore(fixture.connection);
    const tally = async () => readTally((await store.load(['plain'])).get('plain')?.value).open;
    await fixture.stopConnector();
    const before = await tally();
    assert.ok(before !== undefined && before.signals >= 1 && before.lastSeenMs > 0);
    await fixture.startConnector();
    await publish('open.in.plain', '12345');
    await fixture.idle('open');
    await fixture.stopConnector();
    const after = await tally();
    assert.deepEqual([after?.signals, after?.bytes], [before.signals + 1, before.bytes + 5]);
    await fixture.startConnector();
  });

  it('tells of a source that is silent for longer than it is expected to, once, and when it is heard again', async () => {
    fixture.sources.put(sourceRecord('pulse', { name: 'Pulse', expected_every_seconds: 1 }));
    await publish('open.in.pulse', '1');
    const [silent] = await fixture.receive('open.notifications', 1);
    const body = jsonOf(silent) as Record<string, unknown>;
    assert.deepEqual(
      [body.notification_id, body.status, body.source, body.scenario, silent?.attributes.source],
      ['source_silent', 'firing', 'pulse', 'open', 'pulse'],
    );
    assert.match(String(body.message), /^Pulse has sent nothing since /);
    await publish('open.in.pulse', '2');
    const [, heard] = await fixture.receive('open.notifications', 2);
    assert.equal((jsonOf(heard) as Record<string, unknown>).status, 'resolved');
    const [, , again] = await fixture.receive('open.notifications', 3);
    assert.equal((jsonOf(again) as Record<string, unknown>).status, 'firing');
  });
});
