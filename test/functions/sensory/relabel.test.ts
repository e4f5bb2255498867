import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../../../functions/sensory/catalogue/catalogue.ts';
import { reconcile } from '../../../functions/sensory/catalogue/reconcile.ts';
import { openRelabelling, type Relabelling } from '../../../functions/sensory/relabel.ts';
import { storeSample } from '../../../functions/sensory/store-sample.ts';
import { openTestDatabase, type TestDatabase } from '../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';

const log = openLog('test', 'fatal');

describe('openRelabelling', () => {
  let bucket: TestBucket;
  let database: TestDatabase;
  let catalogue: Catalogue;
  let labels: Relabelling;
  let id: string;
  let file: string;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
    database = await openTestDatabase();
  });

  after(async () => {
    await database.close();
    await bucket.close();
  });

  beforeEach(async () => {
    catalogue = openCatalogue(bucket.store, { name: uniqueName('set'), width: 8, height: 8 }, log);
    labels = openRelabelling(bucket.store, database, async () => catalogue);
    const bytes = Buffer.from(catalogue.places.folder);
    id = createHash('sha256').update(bytes).digest('hex');
    const facts = { source: 'camera' };
    const stored = { category: 'cat', bytes, contentType: 'text/plain', extension: 'txt', facts };
    file = (await storeSample(bucket.store, catalogue, stored)).path.slice('cat/'.length);
  });

  const change = (to: string) => ({ at: new Date().toISOString(), by: 'Ada', from: 'cat', to });

  async function objects(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of bucket.store.list(catalogue.places.data)) keys.push(key);
    return keys.map((key) => key.slice(catalogue.places.data.length));
  }

  async function assertMoved(to: string): Promise<void> {
    await reconcile(bucket.store, catalogue);
    const { samples } = await catalogue.snapshot();
    assert.deepEqual(
      samples.map(({ path, category, id: known, facts }) => [path, category, known, facts?.source]),
      [[`${to}/${file}`, to, id, 'camera']],
    );
    assert.deepEqual(await objects(), [`${to}/${file}`]);
    assert.deepEqual(
      (await labels.history(catalogue, id)).map(({ by, to: category }) => [by, category]),
      [['Ada', to]],
    );
    assert.equal(await labels.recover(0), 0);
  }

  it('moves a sample with all that is known of it', async () => {
    const [sample] = (await catalogue.snapshot()).samples;
    assert.ok(sample);
    const moved = await labels.relabel(catalogue, sample, id, change('dog'));
    assert.equal(moved.path, `dog/${file}`);
    await assertMoved('dog');
  });

  /** What a process has done, step by step, when it ends. */
  const steps: readonly [string, () => Promise<unknown>][] = [
    ['it had written down what it does', async () => undefined],
    ['it had copied the object', () => copy()],
    ['it had told the catalogue', () => catalogue.change({ removed: [`cat/${file}`], added: [] })],
    ['it had removed the old object', () => bucket.store.delete([`${catalogue.places.data}cat/${file}`])],
  ];

  async function copy(): Promise<void> {
    const { bytes, contentType, metadata } = await bucket.store.get(`${catalogue.places.data}cat/${file}`);
    await bucket.store.put(`${catalogue.places.data}dog/${file}`, bytes, { contentType, metadata });
  }

  steps.forEach(([title], last) => {
    for (const listed of [false, true]) {
      it(`completes what a process began that was killed when ${title}${listed ? ', also after a listing' : ''}`, async () => {
        const dataset = catalogue.places.folder;
        const move = { dataset, id, from: `cat/${file}`, to: `dog/${file}`, change: change('dog') };
        await catalogue.snapshot();
        await database.put(`relabel:${dataset}:${id}`, move);
        for (const [, step] of steps.slice(0, last + 1)) await step();
        if (listed) await reconcile(bucket.store, catalogue);
        assert.equal(await labels.recover(60_000), 0);
        assert.equal(await labels.recover(0), 1);
        await assertMoved('dog');
      });
    }
  });

  it('makes one of two changes of the same sample at once, and refuses the other', async () => {
    const [sample] = (await catalogue.snapshot()).samples;
    assert.ok(sample);
    const moves = ['dog', 'bird'].map((to) => labels.relabel(catalogue, sample, id, change(to)));
    const [first, second] = await Promise.allSettled(moves);
    assert.equal(first?.status, 'fulfilled');
    assert.equal(second?.status === 'rejected' && second.reason.code, 'not_found');
    await assertMoved('dog');
  });
});
