import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { SOURCE_CHANGED_SUBJECT } from '#lib/bus/subjects.ts';
import { SOURCE_RECORD_CONTENT_TYPE } from '#lib/source/source.ts';
import { openTallyStore, type SourceTally } from '#lib/source/source-tally.ts';
import { sharedNats } from '../../support/servers.ts';
import { startOrchestrator, type TestOrchestrator } from './support/orchestrator.ts';

const KILN = {
  name: 'Kiln 1',
  kind: 'thermocouple',
  location: 'hall 2',
  tags: ['heat'],
  quota: { signals_per_second: 5, bytes_per_day: 1_000_000 },
  expected_every_seconds: 60,
};

describe('/source', () => {
  let box: TestOrchestrator;

  before(async () => {
    box = await startOrchestrator();
  });

  after(() => box.close());

  it('PUT makes a source and shows its token once; only the hash of it is kept', async () => {
    const made = await box.call('PUT', '/source/kiln-1', KILN);
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), 'kiln-1');
    assert.equal(made.headers.get('cache-control'), 'no-store');
    const { token } = made.body;
    assert.match(token, /^bxs_[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(made.body.publish, {
      http: '/function/ingestion/signal/{scenario}/kiln-1',
      nats: 'thebox.source.kiln-1.{in_topic}',
      mqtt: 'thebox/source/kiln-1/{in_topic}',
    });

    const seen = await box.call('GET', '/source/kiln-1');
    const { _id, name, token: shown, health, last_seen: lastSeen, signals, known } = seen.body;
    assert.deepEqual([_id, name, health, lastSeen, signals, known], ['kiln-1', 'Kiln 1', 'unknown', null, 0, true]);
    assert.deepEqual(Object.keys(shown), ['made_at']);
    assert.ok(!JSON.stringify(seen.body).includes(token));

    const record = await box.call('GET', '/source/kiln-1', undefined, { accept: SOURCE_RECORD_CONTENT_TYPE });
    assert.equal(record.body.token.sha256, createHash('sha256').update(token).digest('hex'));
    assert.deepEqual(record.body.source, { ...KILN, _id: 'kiln-1' });
  });

  it('PUT replaces a source and leaves its token as it is; If-Match holds', async () => {
    const made = await box.call('PUT', '/source/oven', { name: 'a' });
    const before = await box.call('GET', '/source/oven', undefined, { accept: SOURCE_RECORD_CONTENT_TYPE });
    const replaced = await box.call('PUT', '/source/oven', { name: 'b' });
    assert.equal(replaced.status, 200);
    assert.equal(replaced.body.token, undefined);
    const after = await box.call('GET', '/source/oven', undefined, { accept: SOURCE_RECORD_CONTENT_TYPE });
    assert.deepEqual(after.body.token, before.body.token);
    assert.equal(after.body.source.name, 'b');
    const late = await box.call('PUT', '/source/oven', {}, { 'if-match': made.headers.get('etag') ?? '' });
    assert.equal(late.status, 412);
    assert.match(late.body.detail, /Cannot change source/);
    assert.equal((await box.call('PUT', '/source/oven', {}, { 'if-none-match': '*' })).status, 412);
  });

  it('PUT with token=false makes a source without a token, and an empty body is a source', async () => {
    const made = await box.call('PUT', '/source/plain?token=false');
    assert.deepEqual([made.status, made.body.token], [201, undefined]);
    assert.equal((await box.call('GET', '/source/plain')).body.token, null);
    assert.equal((await box.call('PUT', '/source/plain?token=maybe')).status, 400);
  });

  it('PUT tells every problem with its place', async () => {
    const answer = await box.call('PUT', '/source/bad', {
      nmae: 'x',
      tags: [1],
      quota: { bytes_per_day: 0 },
      hmac_secret: 'box-api-key',
    });
    assert.equal(answer.status, 400);
    const pointers = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
    assert.deepEqual(pointers, ['/hmac_secret', '/nmae', '/quota/bytes_per_day', '/tags/0']);
    assert.match(JSON.stringify(answer.body.errors), /not a field of the source format: did you mean name\?/);
    assert.equal((await box.call('PUT', '/source/bad', { _id: 'other' })).status, 400);
    for (const id of ['default', 'a.b', '-a', 'a%20b'])
      assert.equal((await box.call('PUT', `/source/${id}`, {})).status, 400, id);
    const descriptor = {
      ingestion_data_name: 'x',
      feature_list: [{ feature_name: 'a', feature_type: 'numerictype', feature_params: { sclae: 2 } }],
    };
    const refused = await box.call('PUT', '/source/bad', { data_descriptor: descriptor });
    assert.equal(refused.status, 422);
    assert.match(refused.body.errors[0].pointer, /^\/data_descriptor\/feature_list\/0\//);
    assert.equal((await box.call('GET', '/source/bad')).status, 404);
  });

  it('PUT takes a data descriptor with a window of its own, and says what is wrong with one', async () => {
    const feature = { feature_name: 'a', feature_type: 'numerictype', feature_params: { from: { field: 't' } } };
    const own = (window: object) => ({ ingestion_data_name: 'x', feature_list: [feature], window });
    const columns = [{ name: 't', of: 'mean' }];
    const put = await box.call('PUT', '/source/windowed', { data_descriptor: own({ size_seconds: 10, columns }) });
    assert.equal(put.status, 201, JSON.stringify(put.body));
    const refused = await box.call('PUT', '/source/bad', { data_descriptor: own({ size_seconds: -1, columns }) });
    assert.equal(refused.status, 422);
    assert.match(refused.body.errors[0].pointer, /^\/data_descriptor\/window\//);
  });

  it('PUT takes an Ed25519 key as PEM or as 32 bytes in base64, and no other', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
    const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
    for (const key of [raw, `whpk_${raw}`, pem]) {
      const { status } = await box.call('PUT', '/source/signer', { public_key: key });
      assert.ok(status < 300, key);
    }
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'pem', type: 'spki' });
    const secret = privateKey.export({ format: 'pem', type: 'pkcs8' });
    for (const key of [raw.slice(2), rsa.toString(), secret.toString(), 'x']) {
      const answer = await box.call('PUT', '/source/signer', { public_key: key });
      assert.equal(answer.status, 400, key);
      assert.equal(answer.body.errors?.[0]?.pointer, '/public_key');
    }
  });

  it('POST /source/{id}/token gives another token, and the change is told on the bus', async () => {
    const first = await box.call('PUT', '/source/rotated', {});
    const connection = await connectNats({ url: (await sharedNats()).url, name: 'test' });
    const subscription = connection.subscribe(SOURCE_CHANGED_SUBJECT);
    await connection.flush();
    const second = await box.call('POST', '/source/rotated/token');
    assert.equal(second.status, 200);
    assert.notEqual(second.body.token, first.body.token);
    for await (const message of subscription) {
      if (message.string() === 'rotated') break;
    }
    await connection.close();
    assert.equal((await box.call('POST', '/source/nobody/token')).status, 404);
  });

  it('DELETE removes a source', async () => {
    await box.call('PUT', '/source/gone', {});
    assert.equal((await box.call('DELETE', '/source/gone')).status, 204);
    assert.equal((await box.call('GET', '/source/gone')).status, 404);
    assert.equal((await box.call('DELETE', '/source/gone')).status, 404);
  });

  it('GET /source lists them by id', async () => {
    const { status, body } = await box.call('GET', '/source');
    assert.equal(status, 200);
    const ids = body.map(({ _id }: { _id: string }) => _id);
    assert.ok(ids.includes('kiln-1') && ids.includes('oven'));
    assert.deepEqual(ids, [...ids].sort());
  });

  it('GET tells what came from a source, and that it is silent for longer than it is expected to', async () => {
    const connection = await connectNats({ url: (await sharedNats()).url, name: 'connector-of-the-test' });
    const store = await openTallyStore(connection);
    const lastSeenMs = Date.now() - 120_000;
    const tally: SourceTally = {
      fire: {
        stage: 'ingestion',
        signals: 3,
        bytes: 30,
        lastSeenMs,
        seq: 9,
        refused: 1,
        day: 0,
        dayBytes: 0,
        isSilent: true,
      },
    };
    await store.save([{ key: 'watched', value: tally, revision: 0 }]);
    await connection.close();
    await box.call('PUT', '/source/watched', { expected_every_seconds: 60 });
    const last = new Date(lastSeenMs).toISOString();
    const told = { health: 'silent', signals: 3, bytes: 30, refused: 1, last_seen: last };
    assert.partialDeepStrictEqual((await box.call('GET', '/source/watched')).body, {
      ...told,
      scenarios: { fire: { signals: 3, bytes: 30, refused: 1, last_seen: last } },
    });
    await box.call('PUT', '/source/watched', { expected_every_seconds: 3600 });
    assert.equal((await box.call('GET', '/source/watched')).body.health, 'ok');
  });

  it('POST /source/{id}/release makes a source known that is not, also when nothing is in quarantine', async () => {
    const { status, body } = await box.call('POST', '/source/stranger/release');
    assert.deepEqual([status, body], [200, { _id: 'stranger', released: 0, known: true, made: true }]);
    assert.equal((await box.call('GET', '/source/stranger')).body.token, null);
    assert.deepEqual((await box.call('DELETE', '/source/stranger/quarantine')).body, { _id: 'stranger', dropped: 0 });
  });
});
