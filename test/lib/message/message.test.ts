import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { dataBytes, dataJson, parseCloudEvent } from '#lib/message/cloud-event.ts';
import { parseFunctionAnswer } from '#lib/message/function-answer.ts';
import { isJsonText, jsonFault, jsonOrText } from '#lib/message/json-text.ts';
import { parsePrediction } from '#lib/message/prediction.ts';

const EVENT = { specversion: '1.0' as const, id: '1', source: 'cam', type: 'thebox.signal' };

describe('parseCloudEvent', () => {
  it('refuses attributes that are no text, and takes null for none', () => {
    for (const name of ['time', 'subject', 'datacontenttype', 'correlationid', 'traceparent']) {
      for (const wrong of [5, {}, ['a']]) {
        assert.throws(() => parseCloudEvent({ ...EVENT, [name]: wrong }), { code: 'invalid_argument' }, name);
      }
      assert.equal(parseCloudEvent({ ...EVENT, [name]: null })[name], undefined);
    }
  });

  it('keeps extensions and refuses what lacks a required attribute', () => {
    assert.deepEqual(parseCloudEvent({ ...EVENT, correlationid: 'c' }), { ...EVENT, correlationid: 'c' });
    for (const broken of [
      null,
      [],
      'x',
      { ...EVENT, id: '' },
      { ...EVENT, specversion: '0.3' },
      { ...EVENT, source: 3 },
    ]) {
      assert.throws(() => parseCloudEvent(broken), BoxError);
    }
  });
});

describe('event data', () => {
  it('is the same bytes whichever form it came in', () => {
    assert.deepEqual(dataBytes({ ...EVENT, data_base64: 'AQI=' }), Buffer.from([1, 2]));
    assert.deepEqual(dataBytes({ ...EVENT, datacontenttype: 'text/plain', data: 'a "b"' }), Buffer.from('a "b"'));
    assert.deepEqual(dataBytes({ ...EVENT, data: { a: 1 } }), Buffer.from('{"a":1}'));
    assert.deepEqual(dataBytes(EVENT), Buffer.alloc(0));
  });

  it('is JSON, also from base64, or an error that says so', () => {
    assert.deepEqual(dataJson({ ...EVENT, data_base64: Buffer.from('[1]').toString('base64') }), [1]);
    assert.throws(() => dataJson({ ...EVENT, data_base64: 'AQI=' }), /must be JSON/);
  });
});

describe('parseFunctionAnswer', () => {
  it('takes one result per event in order', () => {
    const answer = { results: [{ id: '1', events: [] }], wake: [{ key: 'k', at: '2026-01-01T00:00:00Z' }] };
    assert.deepEqual(parseFunctionAnswer(answer, ['1']), answer);
  });

  it('refuses a missing result, another order and a malformed wake as the fault of the function', () => {
    const ok = { id: '1', events: [] };
    const broken: [unknown, string[]][] = [
      [{ results: [] }, ['1']],
      [{ results: [ok] }, ['2']],
      [{ results: [{ id: '1', error: {} }] }, ['1']],
      [{ results: [ok], wake: [{ key: 'k', at: 'soon' }] }, ['1']],
      ['text', ['1']],
    ];
    for (const [answer, ids] of broken) {
      assert.throws(
        () => parseFunctionAnswer(answer, ids),
        (e: unknown) => e instanceof BoxError && e.code === 'internal',
      );
    }
  });
});

describe('jsonFault', () => {
  it('says where text is no JSON and nothing of what it is', () => {
    for (const text of [
      '{"password": s3cret}',
      's3cret',
      '{"a":1,"s3cret":"s3cret" "',
      '["s3cret", s3cret',
      '"s3cret',
    ]) {
      assert.throws(
        () => JSON.parse(text),
        (error) => !/cret/.test(jsonFault(error)) && /JSON/.test(jsonFault(error)),
      );
    }
  });
});

describe('isJsonText', () => {
  it('says no of what is no JSON, no UTF-8, or nests deeper than anybody means', () => {
    const cases = { '{"a":[1,"é"]}': true, '{"a"': false, é: false, '': false };
    for (const [text, expected] of Object.entries(cases)) assert.equal(isJsonText(Buffer.from(text)), expected, text);
    assert.equal(isJsonText(Buffer.from('"é"', 'latin1')), false);
    const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    assert.deepEqual(
      [1000, 1001].map((depth) => isJsonText(nested(depth))),
      [true, false],
    );
  });
});

describe('jsonOrText', () => {
  it('is the JSON value, or the text where it is none or nests deeper than can be written again', () => {
    assert.deepEqual(jsonOrText(Buffer.from('{"a":[1,"]"]}')), { a: [1, ']'] });
    assert.equal(jsonOrText(Buffer.from('{"a"')), '{"a"');
    for (const text of [
      '['.repeat(100_000) + ']'.repeat(100_000),
      `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    ]) {
      assert.equal(jsonOrText(Buffer.from(text)), text);
    }
    const flat = `[${'[{}],"[[[\\"[[",'.repeat(5000)}1]`;
    assert.deepEqual(jsonOrText(Buffer.from(flat)), JSON.parse(flat));
  });
});

describe('parsePrediction', () => {
  it('refuses a correlation id that is no text, for good', () => {
    const data = { prediction_data: {}, correlation_id: { toString: 1 } };
    assert.throws(() => parsePrediction({ ...EVENT, data }), { code: 'invalid_argument', message: /correlation_id/ });
    assert.equal(parsePrediction({ ...EVENT, data: { ...data, correlation_id: 7 } }).correlation_id, '7');
  });
});
