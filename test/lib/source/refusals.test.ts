import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { openRefusals, type Refusal, refusalCounter } from '#lib/source/refusals.ts';

describe('refusals', () => {
  it('are counted each, and logged once in half a minute, with how many there were since', async () => {
    const lines: Record<string, unknown>[] = [];
    const stream = new Writable({
      write(chunk, _, done) {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    });
    const registry = new Registry();
    let nowMs = 0;
    const refusals = openRefusals(pino(stream), refusalCounter(registry), () => nowMs);
    const refusal: Refusal = { door: 'nats', reason: 'wrong_token', source: 'kiln' };
    for (nowMs of [0, 1, 29_999]) refusals.refused(refusal);
    refusals.refused({ ...refusal, source: 'x'.repeat(10_000) });
    nowMs = 30_000;
    refusals.refused(refusal);
    const told = lines.map(({ source, notLogged }) => [String(source).length, notLogged]);
    assert.deepEqual(told, [
      [4, undefined],
      [120, undefined],
      [4, 2],
    ]);
    assert.match(await registry.metrics(), /box_source_refusals_total\{door="nats",reason="wrong_token"\} 5/);
  });

  it('of ever new names are logged for a thousand of them at a time', () => {
    let logged = 0;
    const stream = new Writable({
      write(_, __, done) {
        logged++;
        done();
      },
    });
    const refusals = openRefusals(
      pino(stream),
      () => undefined,
      () => 0,
    );
    for (let i = 0; i < 5000; i++) refusals.refused({ door: 'http', reason: 'unknown_source', source: `s-${i}` });
    assert.equal(logged, 1000);
  });
});
