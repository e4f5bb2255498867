import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Catalogue } from '../../../../functions/sensory/catalogue/catalogue.ts';
import type { Sample } from '../../../../functions/sensory/catalogue/sample.ts';
import type { Snapshot } from '../../../../functions/sensory/catalogue/snapshot.ts';
import { openRandom, seedOf } from '../../../../functions/sensory/draw/random.ts';
import { findNear } from '../../../../functions/sensory/near-duplicate.ts';
import { packNext } from '../../../../functions/sensory/pack/packer.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';
import { uniqueName } from '../../../support/servers.ts';
import { EAGER, openDigits, putDigits } from '../pack/packed-set.ts';

const STEPS = 40;
const CONTENTS = 12;

/** Contents are few, so that an id has several samples, and each looks like nothing but itself. */
function made(n: number): Sample {
  const content = n % CONTENTS;
  const id = createHash('sha256').update(String(content)).digest('hex');
  const path = `${n % 3}/${n}.bin`;
  return { path, category: String(n % 3), size: 1, etag: id, modifiedMs: 0, id, facts: { dhash: id.slice(0, 16) } };
}

function assertDerived(snapshot: Snapshot): void {
  for (let content = 0; content < CONTENTS; content++) {
    const { id, facts } = made(content);
    const expected = snapshot.samples.filter((sample) => snapshot.idOf(sample) === id);
    assert.deepEqual(snapshot.withId(id), expected);
    const alike = snapshot.samples.filter((sample) => sample.facts?.dhash === facts?.dhash);
    assert.deepEqual(findNear(snapshot, facts?.dhash ?? ''), alike.slice(0, 5));
  }
}

describe('derived', () => {
  let bucket: TestBucket;
  let catalogue: Catalogue;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
    catalogue = openDigits(bucket.store, uniqueName('set'));
  });

  after(() => bucket.close());

  it('gives of each snapshot what looking at all its samples gives, whatever came and went before and after', async () => {
    const random = openRandom(seedOf('derived'));
    const seen: Snapshot[] = [];
    let next = 0;
    for (let step = 0; step < STEPS; step++) {
      const { samples } = await catalogue.snapshot();
      const added = Array.from({ length: Math.floor(random.next() * 4) }, () => made(next++));
      const goes = step % 5 === 0 ? samples[Math.floor(random.next() * samples.length)] : undefined;
      const comesBack = goes && random.next() < 0.5 ? [goes] : [];
      await catalogue.change({ removed: goes ? [goes.path] : [], added: [...added, ...comesBack] });
      seen.push(await catalogue.snapshot());
      for (const snapshot of seen) assertDerived(snapshot);
    }
    const grown = new Set(seen.map(({ growth }) => growth)).size;
    assert.ok(grown > 1 && grown < STEPS / 2, `${grown} of ${STEPS} began anew`);
  });

  it('begins anew when samples are packed, whose ids are known from then on', async () => {
    await putDigits(bucket.store, catalogue, [1, 2]);
    const before = await catalogue.snapshot();
    assert.equal(before.withId('').length, 2);
    assert.equal(await packNext(bucket.store, catalogue, EAGER), 2);
    const after = await catalogue.snapshot();
    assert.equal(after.withId('').length, 0);
    assert.equal(before.withId('').length, 2);
  });
});
