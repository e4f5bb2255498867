import assert from 'node:assert/strict';
import {
  doorSubject,
  entranceOf,
  isTopic,
  scheduleSubject,
  sourceOf,
  sourceSubjects,
  streamSubjects,
  subjectToken,
  tokenText,
  topicsOfSubjects,
} from '#lib/bus/subjects.ts';

describe('subjects', () => {
  it('subjectToken keeps plain ids, and makes any other text a token of its own that tokenText reads back', () => {
    assert.equal(subjectToken('digits-2_b'), 'digits-2_b');
    const texts = ['a.b', 'a=2Eb', 'a b', 'ä', '*', '>', '50%', '%41', '%25', '', 'x/y'];
    const tokens = texts.map(subjectToken);
    assert.equal(new Set(tokens).size, texts.length);
    for (const token of tokens) assert.match(token, /^[A-Za-z0-9_=-]+$/);
    assert.deepEqual(tokens.map(tokenText), texts);
  });

  it('tokenText takes what subjectToken never made for what it is', () => {
    assert.deepEqual(['=FF', '=4', 'a=zz', 'ä', '%41'].map(tokenText), ['\ufffd', '=4', 'a=zz', 'ä', '%41']);
  });

  it('streamSubjects names each topic with its sources and its entrances, and none that another covers', () => {
    const subjects = streamSubjects(['b', 'topic.a', 'topic']);
    const entrances = ['b', 'topic', 'topic.a'].flatMap((topic) => [
      `thebox.door.*.${topic}`,
      `thebox.source.*.${topic}`,
    ]);
    assert.deepEqual(subjects, ['b', 'b.>', ...entrances, 'thebox.stage.>', 'topic', 'topic.>'].sort());
    assert.deepEqual(topicsOfSubjects(subjects), ['b', 'topic']);
  });

  it('entranceOf tells where a message came in, and the source that its subject names', () => {
    const topics = ['in', 'a.b'];
    assert.deepEqual(entranceOf('in', topics), { kind: 'open', topic: 'in', source: undefined });
    assert.deepEqual(entranceOf('in.cam.1', topics), { kind: 'open', topic: 'in', source: 'cam.1' });
    assert.deepEqual(entranceOf('thebox.source.kiln.a.b', topics), { kind: 'source', topic: 'a.b', source: 'kiln' });
    assert.deepEqual(entranceOf(doorSubject('cam.1', 'in'), topics), { kind: 'door', topic: 'in', source: 'cam.1' });
    for (const other of ['inn', 'thebox.source.kiln.a', 'thebox.source.kiln', 'thebox.stage.s.ingestion.replay']) {
      assert.equal(entranceOf(other, topics), undefined, other);
    }
  });

  it('sourceSubjects lies below the source alone, whatever its name', () => {
    assert.equal(sourceSubjects('kiln'), 'thebox.source.kiln.>');
    assert.equal(sourceSubjects('a.*.>'), 'thebox.source.a=2E=2A=2E=3E.>');
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
