import assert from 'node:assert/strict';
import { MAX_EXPECTED_ANSWER_BYTES, openAnswerSizes } from '../../connector/answer-sizes.ts';
import type { InputEvent } from '../../connector/input-event.ts';

/** So many events with so many bytes of data each. */
function events(count: number, bytes: number, type = 'application/json'): InputEvent[] {
  const body = new Uint8Array(bytes);
  const message = {
    seq: 1,
    subject: 's',
    storedMs: 0,
    deliveries: 1,
    size: bytes,
    body,
    attributes: {},
    ours: false,
    headers: () => [],
  };
  const event = { message, id: '1', attributes: { type: 'thebox.signal', datacontenttype: type }, isJson: true };
  return Array.from({ length: count }, () => event);
}

const MIB = 1024 * 1024;
const LINES = 'application/x-ndjson';

describe('AnswerSizes', () => {
  it('takes small events at once, and as much as is known to be answered within the bound', () => {
    const sizes = openAnswerSizes();
    const batch = events(256, 60);
    assert.equal(sizes.fit(batch), 256);
    sizes.answered(batch, 256 * 500);
    // Almost as many bytes as a call may have.
    const larger = events(256, 4000);
    assert.equal(sizes.fit(larger), 125);
    sizes.answered(larger.slice(0, 125), 125 * 4500);
    assert.equal(sizes.fit(larger), 256);
  });

  it('before anything is known takes no more than a body of many short lines allows, nor does it once that is known', () => {
    const sizes = openAnswerSizes();
    const parts = events(50, 20_000, LINES);
    const first = sizes.fit(parts);
    assert.equal(first, 1);
    sizes.answered(parts.slice(0, first), first * 20_000 * 190);
    assert.equal(sizes.fit(parts), 1);
    assert.equal(sizes.fit(events(50, 4000, LINES)), Math.floor(MAX_EXPECTED_ANSWER_BYTES / (4000 * 190)));
  });

  it('tells kinds of events apart: what is known of readings is not believed of lines', () => {
    const sizes = openAnswerSizes();
    const readings = events(256, 4000);
    for (let call = 0; call < 3; call++) sizes.answered(readings.slice(0, sizes.fit(readings)), 4000);
    assert.equal(sizes.fit(readings), 256);
    assert.equal(sizes.fit([...events(100, 4000), ...events(50, 20_000, LINES)]), 100);
  });

  it('learns at once that answers grow, and in a few calls that they do not', () => {
    const sizes = openAnswerSizes();
    const batch = events(100, 10_000);
    sizes.answered(events(1, 10), 100);
    assert.equal(sizes.fit(batch), Math.floor(MAX_EXPECTED_ANSWER_BYTES / 100_000));
    sizes.answered(batch.slice(0, 10), 100 * MIB);
    assert.equal(sizes.fit(batch), 1);
    const calls: number[] = [];
    for (let fit = sizes.fit(batch); fit < 100; fit = sizes.fit(batch)) {
      calls.push(fit);
      sizes.answered(batch.slice(0, fit), fit * 10_000);
    }
    assert.deepEqual(calls, [1, 1, 6, 25]);
  });

  it('halves what is sent with each call that is lost, down to one event, and recovers with the first that is answered', () => {
    const sizes = openAnswerSizes();
    const batch = events(64, 10);
    const fits: number[] = [];
    for (let call = 0; call < 8; call++) {
      const fit = sizes.fit(batch);
      fits.push(fit);
      sizes.lost(batch.slice(0, fit));
    }
    assert.deepEqual(fits, [64, 32, 16, 8, 4, 2, 1, 1]);
    for (let call = 0; call < 4; call++) sizes.answered(batch.slice(0, sizes.fit(batch)), 500);
    assert.equal(sizes.fit(batch), 64);
  });

  it('tells no more kinds apart than a few, whatever senders write', () => {
    const sizes = openAnswerSizes();
    for (let n = 0; n < 1000; n++) sizes.answered(events(1, 10, `application/x-${n}`), 10);
    assert.equal(sizes.fit(events(256, 4000, 'application/x-1000')), 256);
  });
});
