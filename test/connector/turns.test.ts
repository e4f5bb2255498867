import assert from 'node:assert/strict';
import { openTurns } from '../../connector/turns.ts';

describe('Turns', () => {
  it('what is alone begins when all before it has ended, and what comes later waits for it', async () => {
    const turns = openTurns();
    const seen: string[] = [];
    const work = (name: string) => {
      const end = Promise.withResolvers<void>();
      const run = async () => {
        seen.push(`${name} begins`);
        await end.promise;
        seen.push(`${name} ends`);
      };
      return { run, end: end.resolve };
    };
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(work);
    assert.ok(a && b && c && d && e);
    const all = [turns.together(a.run), turns.together(b.run)];
    await Promise.resolve();
    all.push(turns.alone(c.run), turns.alone(d.run), turns.together(e.run));
    for (const each of [b, a, c, d, e]) {
      each.end();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(all);
    const alone = ['c', 'd', 'e'].flatMap((name) => [`${name} begins`, `${name} ends`]);
    assert.deepEqual(seen, ['a begins', 'b begins', 'b ends', 'a ends', ...alone]);
  });

  it('what fails keeps nothing from beginning', async () => {
    const turns = openTurns();
    const fail = () => Promise.reject(new Error('no'));
    await Promise.all([
      assert.rejects(turns.together(fail)),
      assert.rejects(turns.alone(fail)),
      assert.rejects(turns.alone(fail)),
      turns.together(async () => undefined),
    ]);
  });
});
