import assert from 'node:assert/strict';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { encode as msgpack } from '@msgpack/msgpack';
import { encode as cbor } from 'cbor2';
import { encodePng } from '#lib/image/png.ts';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { recordOf } from '../../support/scenario.ts';
import { featureMakerOf } from './feature-maker.ts';

const LIMITS = { maxPixels: 1_000_000, maxFeatureBytes: 1_000_000, maxInflatedBytes: 100_000 };

interface Sent {
  readonly type?: string;
  readonly body: Uint8Array | string;
  readonly encoding?: string;
}

/** What the features of a message are: the data of each features event, by feature name. */
async function sent(features: unknown[], { type, body, encoding }: Sent): Promise<EventResult> {
  const descriptor = { ingestion_data_name: 'data', feature_list: features };
  const ingestion = { in_topic: 'in', out_topic: 'out', data_descriptor: descriptor };
  const scenario = parseScenario({ scenario_name: 'd', scenario_definition: { ingestion_definition: ingestion } });
  const record = recordOf('d', scenario);
  const event: CloudEvent = {
    specversion: '1.0',
    id: 'e',
    source: 's',
    type: 'thebox.signal',
    time: '2026-01-01T00:00:00Z',
    ...(type !== undefined && { datacontenttype: type }),
    ...(encoding !== undefined && { contentencoding: encoding }),
    data_base64: Buffer.from(body).toString('base64'),
  };
  const answer = await featureMakerOf(record, LIMITS)({ events: [event], scenarioId: 'd', rev: '1-a' });
  const [result] = answer.results;
  assert.ok(result !== undefined);
  return result;
}

async function made(features: unknown[], what: Sent): Promise<unknown[]> {
  const result = await sent(features, what);
  assert.ok('events' in result, JSON.stringify(result));
  return result.events.map((event) => {
    const { correlation_id: id, feature_data: data } = event.data as FeaturesBody;
    return { id, ...Object.fromEntries(data.map((feature) => [feature.feature_name, feature.data])) };
  });
}

async function refused(features: unknown[], what: Sent): Promise<string> {
  const result = await sent(features, what);
  assert.ok('error' in result, JSON.stringify(result).slice(0, 300));
  assert.equal(result.error.retry, false);
  return `${result.error.code}: ${result.error.message}`;
}

const number = (name: string, params?: unknown) => ({
  feature_name: name,
  feature_type: 'numerictype',
  ...(params !== undefined && { feature_params: params }),
});
const array = (name: string, params?: unknown) => ({ ...number(name, params), feature_type: 'numpyarraytype' });
const text = (name: string, params?: unknown) => ({ ...number(name, params), feature_type: 'stringtype' });

describe('formats of a signal', () => {
  it('NDJSON: a signal on each line', async () => {
    const body = '{"t": 1}\n\n {"t": 2.5}\r\n';
    assert.deepEqual(await made([number('t')], { type: 'application/x-ndjson', body }), [
      { id: 'e.0', t: 1 },
      { id: 'e.1', t: 2.5 },
    ]);
    const broken = await refused([number('t')], { type: 'application/jsonl', body: '{"t": 1}\n{"t": ' });
    assert.equal(broken, 'invalid_argument: Cannot read signal: it must be ndjson (line 2 must be JSON)');
    const lacks = await refused([number('t')], { type: 'application/jsonl', body: '{"t": 1}\n{"u": 2}' });
    assert.equal(lacks, 'invalid_argument: Cannot make feature t: field t must be in the signal (signal 2 of 2)');
  });

  it('JSON: a list of objects is many signals where features look for fields, one where they look for the list', async () => {
    const body = '[{"t": 1}, {"t": 2}]';
    const type = 'application/json';
    assert.deepEqual(await made([number('t', { from: '$.t' })], { type, body }), [
      { id: 'e.0', t: 1 },
      { id: 'e.1', t: 2 },
    ]);
    assert.deepEqual(await made([array('all', { from: '$[*].t' })], { type, body }), [{ id: 'e', all: [1, 2] }]);
    assert.deepEqual(await made([array('x')], { type, body: '[1, 2]' }), [{ id: 'e', x: [1, 2] }]);
  });

  it('CSV: a signal for each row, by the name of a column or by its place', async () => {
    const features = [array('row', { from: ['$.temp', '$["wind (m/s)"]'] }), text('site')];
    const body = 'site,temp,wind (m/s)\nnorth,21.5,3\nsouth,-1,4e1\n';
    assert.deepEqual(await made(features, { type: 'text/csv; charset=utf-8', body }), [
      { id: 'e.0', row: [21.5, 3], site: 'north' },
      { id: 'e.1', row: [-1, 40], site: 'south' },
    ]);
    const bare = { type: 'text/csv; header=absent', body: 'a,1\nb,2' };
    assert.deepEqual(await made([number('v', { from: '$[1]' })], bare), [
      { id: 'e.0', v: 1 },
      { id: 'e.1', v: 2 },
    ]);
    const gap = { type: 'text/csv', body: 't,v\n1,\n' };
    assert.match(await refused([number('v')], gap), /field v must be in the signal \(signal 1 of 1\)$/);
    assert.deepEqual(await made([number('v', { missing: { value: 0 } })], gap), [{ id: 'e.0', v: 0 }]);
    assert.match(
      await refused([number('v')], { type: 'text/csv', body: 'a,b\n1' }),
      /must be csv \(row 2 must have 2 cells/,
    );
  });

  it('SenML in JSON and CBOR: one signal, a field is a record', async () => {
    const features = [number('t', { from: { field: 'urn:1:temp' } }), array('all', { from: '$[*].v' })];
    const pack = [
      { bn: 'urn:1:', n: 'temp', v: 20 },
      { n: 'hum', v: 60 },
      { n: 'temp', t: 1, v: 21 },
    ];
    const expected = [{ id: 'e', t: 21, all: [20, 60, 21] }];
    assert.deepEqual(await made(features, { type: 'application/senml+json', body: JSON.stringify(pack) }), expected);
    const labels = [
      new Map<number, unknown>([
        [-2, 'urn:1:'],
        [0, 'temp'],
        [2, 20],
      ]),
      new Map<number, unknown>([
        [0, 'hum'],
        [2, 60],
      ]),
      new Map<number, unknown>([
        [0, 'temp'],
        [6, 1],
        [2, 21],
      ]),
    ];
    assert.deepEqual(await made(features, { type: 'application/senml+cbor', body: cbor(labels) }), expected);
    assert.deepEqual(
      await made([number('urn:1:hum')], { type: 'application/senml+json', body: JSON.stringify(pack) }),
      [{ id: 'e', 'urn:1:hum': 60 }],
    );
    assert.match(
      await refused(features, { type: 'application/senml+json', body: '{}' }),
      /must be senml-json \(a SenML pack/,
    );
    assert.match(
      await refused([number('urn:1:none')], { type: 'application/senml+json', body: JSON.stringify(pack) }),
      /field urn:1:none must be in the signal$/,
    );
  });

  it('CBOR and MessagePack: as JSON, with bytes where they have them', async () => {
    const picture = encodePng({ width: 1, height: 1, channels: 1, data: Uint8Array.of(9) });
    const value = { t: 1.5, xs: [1, 2], photo: new Uint8Array(picture), deep: { n: 3 } };
    const features = [
      number('t'),
      array('xs'),
      number('deep.n'),
      array('photo', { from: { inside: '$.photo', as: 'image' } }),
    ];
    const expected = [{ id: 'e', t: 1.5, xs: [1, 2], 'deep.n': 3, photo: [[[9]]] }];
    for (const type of ['application/cbor', 'application/vnd.x+cbor']) {
      assert.deepEqual(await made(features, { type, body: cbor(value) }), expected);
    }
    assert.deepEqual(await made(features, { type: 'application/msgpack', body: msgpack(value) }), expected);
    assert.deepEqual(await made([number('v')], { type: 'application/cbor', body: cbor([{ v: 1 }, { v: 2 }]) }), [
      { id: 'e.0', v: 1 },
      { id: 'e.1', v: 2 },
    ]);
  });

  it('CBOR: tags, typed arrays, big numbers, keys of any kind, and what is broken', async () => {
    const hex = (text: string): Sent => ({ type: 'application/cbor', body: Buffer.from(text, 'hex') });
    // {"t": 0("2013-03-21T20:04:00Z")}
    const time = 'a16174c074323031332d30332d32315432303a30343a30305a';
    assert.deepEqual(await made([array('t', { time: { parts: ['hour', 'minute'] } })], hex(time)), [
      { id: 'e', t: [20, 4] },
    ]);
    // {"f": 85(h'0000c03f00002041')}, float32 little-endian (RFC 8746)
    assert.deepEqual(await made([array('f')], hex('a16166d855480000c03f00002041')), [{ id: 'e', f: [1.5, 10] }]);
    assert.deepEqual(await made([number('1')], hex('a1011907d0')), [{ id: 'e', '1': 2000 }]);
    assert.deepEqual(await made([number('n')], hex('a1616e1bffffffffffffffff')), [{ id: 'e', n: 2 ** 64 }]);
    for (const broken of ['a16174', '9f', '0102', `${'81'.repeat(200)}01`, '9bffffffffffffffff', '']) {
      assert.match(
        await refused([number('t')], hex(broken)),
        /^invalid_argument: Cannot read signal: it must be cbor/,
        broken,
      );
    }
  });

  it('MessagePack: what is broken', async () => {
    for (const broken of ['81a174', 'c1', 'ddffffffff', '0102', '81a95f5f70726f746f5f5f01', '91'.repeat(200)]) {
      const what = { type: 'application/msgpack', body: Buffer.from(broken, 'hex') };
      assert.match(
        await refused([number('t')], what),
        /^invalid_argument: Cannot read signal: it must be msgpack/,
        broken,
      );
    }
  });

  it('gzip by its first bytes, br and deflate as the event says, and nothing larger than it may be', async () => {
    const body = '{"t": 4}';
    assert.deepEqual(await made([number('t')], { body: gzipSync(body) }), [{ id: 'e', t: 4 }]);
    const type = 'application/json';
    assert.deepEqual(await made([number('t')], { type, body: gzipSync(body) }), [{ id: 'e', t: 4 }]);
    assert.deepEqual(await made([number('t')], { type, body: brotliCompressSync(body), encoding: 'br' }), [
      { id: 'e', t: 4 },
    ]);
    const bomb = gzipSync(Buffer.alloc(1_000_000, ' '));
    assert.match(await refused([number('t')], { type, body: bomb }), /^too_large: .* at most when unpacked$/);
    assert.match(await refused([number('t')], { type, body: gzipSync(body).subarray(0, 15) }), /it must be gzip/);
    assert.match(await refused([number('t')], { type, body, encoding: 'zip' }), /^unsupported_media_type: /);
  });

  it('text and bytes as they are, attributes beside them', async () => {
    assert.deepEqual(await made([text('x')], { type: 'text/plain', body: 'ä b' }), [{ id: 'e', x: 'ä b' }]);
    const raw = { type: 'application/x-thing', body: Buffer.from([1, 0, 2, 0]) };
    assert.deepEqual(await made([array('x', { elements: { type: 'uint16' } })], raw), [{ id: 'e', x: [1, 2] }]);
    const features = [
      text('who', { from: { attribute: 'source' } }),
      number('day', { from: { attribute: 'time' }, time: { parts: ['day'] } }),
    ];
    assert.deepEqual(await made(features, { type: 'text/plain', body: '1' }), [{ id: 'e', who: 's', day: 1 }]);
  });

  it('base64 inside JSON, as a picture or as bytes', async () => {
    const picture = encodePng({ width: 1, height: 1, channels: 1, data: Uint8Array.of(7) }).toString('base64');
    const inside = array('p', { from: { inside: '$.p', as: 'image' } });
    for (const p of [picture, `data:image/png;base64,${picture}`]) {
      assert.deepEqual(await made([inside], { type: 'application/json', body: JSON.stringify({ p }) }), [
        { id: 'e', p: [[[7]]] },
      ]);
    }
    const bytes = array('p', { from: { inside: '$.p', as: 'bytes' } });
    assert.deepEqual(await made([bytes], { type: 'application/json', body: '{"p": "AQI="}' }), [
      { id: 'e', p: [1, 2] },
    ]);
    assert.match(await refused([bytes], { type: 'application/json', body: '{"p": "***"}' }), /\$\.p must be base64$/);
    assert.deepEqual(await made([bytes], { type: 'application/json', body: '{"p": " A\\nQ= = \\n"}' }), [
      { id: 'e', p: [1] },
    ]);
  });

  it('base64 that a long row of blanks stands in is told to be none at once', async () => {
    const bytes = array('p', { from: { inside: '$.p', as: 'bytes' } });
    const body = JSON.stringify({ p: `${' '.repeat(90_000)}!` });
    assert.match(await refused([bytes], { type: 'application/json', body }), /must be base64$/);
  });

  it('a row takes a recording of any length', async () => {
    const row = array('row', { from: ['$.n', '$.xs'], slice: [[0, 2]] });
    const body = JSON.stringify({ n: 2, xs: new Array(200_000).fill(1) });
    assert.deepEqual(await made([row], { type: 'application/json', body }), [{ id: 'e', row: [2, 1] }]);
  });

  it('whole numbers beyond 2^53 are words of a vocabulary, and are no text', async () => {
    const value = { type: 'application/cbor', body: cbor({ word: 2n ** 60n }) };
    const words = number('word', { index: { vocabulary: ['0', String(2n ** 60n)] } });
    assert.deepEqual(await made([words], value), [{ id: 'e', word: 1 }]);
    assert.match(await refused([text('word')], value), /must be text, got 1152921504606846976/);
  });
});
