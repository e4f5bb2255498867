import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startFunction } from '../../../local/supervisor/function-process.ts';
import { openSleepingFunction } from '../../../local/supervisor/sleeping-function.ts';
import { readStackFile, type StackFunction } from '../../../local/supervisor/stack-file.ts';

const TEMPLATES = join(import.meta.dirname, '../../../templates');

describe('openSleepingFunction', () => {
  let hello: StackFunction;
  before(async () => {
    const [first] = await readStackFile(join(import.meta.dirname, 'fixture', 'stack.yml'), {});
    hello = first ?? assert.fail('the fixture has a function');
  });

  function open(prepare: (say: (line: string) => void) => Promise<void>) {
    const said: string[] = [];
    const counts = { starts: 0, prepared: false };
    const sleeping = openSleepingFunction({
      definition: hello,
      say: (line) => said.push(line),
      isPrepared: () => counts.prepared,
      async prepare(say) {
        await prepare(say);
        counts.prepared = true;
      },
      start() {
        counts.starts++;
        return startFunction({
          definition: hello,
          templates: TEMPLATES,
          environment: { PATH: process.env.PATH ?? '' },
        });
      },
    });
    return { sleeping, said, counts };
  }

  it('starts with the first call, once', async () => {
    const { sleeping, counts } = open(async () => undefined);
    counts.prepared = true;
    try {
      assert.deepEqual([counts.starts, sleeping.deployed.available], [0, false]);
      const woken = await Promise.all([sleeping.deployed.wake?.(), sleeping.deployed.wake?.()]);
      assert.deepEqual(woken, [undefined, undefined]);
      assert.deepEqual([counts.starts, sleeping.deployed.available], [1, true]);
      assert.equal((await fetch(`${sleeping.deployed.origin}/healthz`)).status, 200);
    } finally {
      await sleeping.stop();
    }
  });

  it('tells callers what is made first, and starts when that is done', async () => {
    const made = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { sleeping, said, counts } = open(async (say) => {
      say('fetching tools (3 MB)');
      begun.resolve();
      await made.promise;
    });
    try {
      assert.match((await sleeping.deployed.wake?.()) ?? '', /fetching tools/);
      await begun.promise;
      assert.equal(counts.starts, 0);
      assert.deepEqual(said, ['fetching tools (3 MB)']);
      made.resolve();
      // The process is started by itself: nobody has to call for it.
      while (counts.starts === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await sleeping.deployed.wake?.(), undefined);
    } finally {
      await sleeping.stop();
    }
  });

  it('says why it cannot be started, and tries again with a later call', async () => {
    const failed = Promise.withResolvers<void>();
    let attempts = 0;
    const { sleeping, said, counts } = open(async () => {
      attempts++;
      if (attempts > 1) return;
      failed.resolve();
      throw new Error('there is no network');
    });
    try {
      await sleeping.deployed.wake?.();
      await failed.promise;
      while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(said, ['there is no network']);
      while (counts.starts === 0) await sleeping.deployed.wake?.();
      assert.equal(attempts, 2);
      assert.equal(await sleeping.deployed.wake?.(), undefined);
    } finally {
      await sleeping.stop();
    }
  });
});
