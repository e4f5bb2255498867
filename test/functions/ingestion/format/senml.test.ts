import assert from 'node:assert/strict';
import { resolveSenml, senmlField } from '../../../../functions/ingestion/format/senml.ts';

const NOW = 1_700_000_000;
const resolve = (...pack: unknown[]) => resolveSenml(pack, NOW);

describe('resolveSenml', () => {
  it('applies base name, time and unit to the records that follow, until they are set again', () => {
    const pack = resolve(
      { bn: 'urn:dev:ow:10e2073a0108006:', bt: 1276020076.001, bu: 'A', bver: 5, n: 'voltage', u: 'V', v: 120.1 },
      { n: 'current', t: -5, v: 1.2 },
      { bn: 'urn:dev:2:', bu: 'Cel', n: 'a', v: 3 },
    );
    assert.deepEqual(pack, [
      { n: 'urn:dev:ow:10e2073a0108006:voltage', t: 1276020076.001, u: 'V', v: 120.1 },
      { n: 'urn:dev:ow:10e2073a0108006:current', t: 1276020071.001, u: 'A', v: 1.2 },
      { n: 'urn:dev:2:a', t: 1276020076.001, u: 'Cel', v: 3 },
    ]);
  });

  it('adds base value and base sum', () => {
    const pack = resolve({ bn: 'x', bv: 20, bs: 100, v: 1, s: 2 }, { n: 'y', v: -0.5 });
    assert.deepEqual(
      pack.map(({ n, v, s }) => [n, v, s]),
      [
        ['x', 21, 102],
        ['xy', 19.5, 100],
      ],
    );
  });

  it('takes small times as relative to now', () => {
    assert.equal(resolve({ n: 'x', v: 1 })[0]?.t, NOW);
    assert.equal(resolve({ bt: -30, n: 'x', t: 10, v: 1 })[0]?.t, NOW - 20);
  });

  it('has text, booleans, data and sums', () => {
    const pack = resolve({ n: 'a', vs: 'x' }, { n: 'b', vb: false }, { n: 'c', vd: '_wA' }, { n: 'd', s: 4 });
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((name) => senmlField(pack, name)),
      ['x', false, Buffer.from([255, 0]), 4, undefined],
    );
  });

  it('reads the labels of CBOR', () => {
    assert.deepEqual(resolve({ '-2': 'u:', '-3': 1e9, '0': 'a', '1': 'K', '2': 280, '6': 5 }), [
      { n: 'u:a', t: 1e9 + 5, u: 'K', v: 280 },
    ]);
  });

  it('leaves out records that set bases alone, and finds the last of a name', () => {
    const pack = resolve({ bn: 'd/' }, { n: 'a', v: 1 }, { n: 'a', v: 2 });
    assert.equal(pack.length, 2);
    assert.equal(senmlField(pack, 'd/a'), 2);
  });

  it('refuses what is no pack', () => {
    assert.throws(() => resolveSenml({}, NOW), /must be a list of records/);
    assert.throws(() => resolve(1), /must be an object/);
    assert.throws(() => resolve({ v: 1 }), /the name of a SenML record/);
    assert.throws(() => resolve({ n: 'a b', v: 1 }), /the name of a SenML record/);
    assert.throws(() => resolve({ n: 'a', v: '1' }), /field v of a SenML record must be number, got string/);
    assert.throws(() => resolve({ n: 'a', vd: '+/' }), /must be base64url/);
    assert.throws(() => resolve({ n: 'a', v: 1, bver: 11 }), /version must be at most 10/);
    assert.throws(() => resolve({ n: 'a', v: 1, x_: 1 }), /field x_ of SenML must be understood/);
  });
});
