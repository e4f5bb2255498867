import assert from 'node:assert/strict';
import { isTopic, scheduleSubject, sourceOf, streamSubjects, subjectToken, tokenText } from '#lib/bus/subjects.ts';

describe('subjects', () => {
  it('subjectToken keeps plain ids, and makes any other text a token of its own that tokenText reads back', () => {
    assert.equal(subjectToken('digits-2_b'), 'digits-2_b');
    const texts = ['a.b', 'a=2Eb', 'a b', 'ä', '*', '>', '50%', '%41', '', 'x/y'];
    const tokens = texts.map(subjectToken);
    assert.equal(new Set(tokens).size, texts.length);
    for (const token of tokens) assert.match(token, /^[A-Za-z0-9_=-]+$/);
    assert.deepEqual(
      tokens.filter((token) => token !== '=').map(tokenText),
      texts.filter((text) => text !== ''),
    );
  });

  it('streamSubjects names each topic with its sources, and none that another covers', () => {
    assert.deepEqual(streamSubjects(['b', 'topic.a', 'topic']), ['b', 'b.>', 'thebox.stage.>', 'topic', 'topic.>']);
  });

  it('sourceOf is the tail of the subject, or default', () => {
    assert.equal(sourceOf('in.cam.1', 'in'), 'cam.1');
    assert.equal(sourceOf('in', 'in'), 'default');
  });

  it('isTopic refuses wildcards, empty tokens, a leading $ or _ and what is the system’s own', () => {
    for (const good of ['a', 'a.b-c', 'topic', 'theboxes', 'ä']) assert.ok(isTopic(good), good);
    for (const bad of ['', 'a.', '.a', 'a..b', 'a.*', 'a.>', '$a', '_a', 'a b', 'thebox', 'thebox.x']) {
      assert.ok(!isTopic(bad), bad);
    }
  });

  it('scheduleSubject stays short for long keys and differs by key', () => {
    const long = scheduleSubject('s', 'notification', 'k'.repeat(1000));
    assert.ok(long.length < 150);
    assert.notEqual(long, scheduleSubject('s', 'notification', 'k'.repeat(1001)));
  });
});
