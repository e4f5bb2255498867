import assert from 'node:assert/strict';
import { originalDocument } from '../../support/scenario.ts';
import { startOrchestrator, type TestOrchestrator } from './support/orchestrator.ts';

describe('orchestrator, /scenario', () => {
  let box: TestOrchestrator;

  before(async () => {
    box = await startOrchestrator();
  });

  after(() => box.close());

  async function put(name: string): Promise<string> {
    const { status, headers } = await box.call('PUT', '/scenario', originalDocument(name));
    assert.equal(status, 201);
    return headers.get('etag') ?? '';
  }

  describe('PUT /scenario and GET /scenario', () => {
    it('PUT answers 201 when the scenario is made, 200 when it is replaced, and GET has it with its _id', async () => {
      const document = originalDocument('Key_Stroke');
      const made = await box.call('PUT', '/scenario', document);
      assert.equal(made.status, 201);
      assert.equal(made.body._id, 'key-stroke');
      assert.deepEqual(made.body.warnings, []);
      assert.equal(made.headers.get('location'), 'scenario/key-stroke');
      assert.equal(made.headers.get('etag'), `"${made.body.rev}"`);
      const replaced = await box.call('PUT', '/scenario', document);
      assert.equal(replaced.status, 200);
      assert.match(replaced.body.rev, /^2-/);
      const { status, body } = await box.call('GET', '/scenario');
      assert.equal(status, 200);
      assert.deepEqual(body, [{ _id: 'key-stroke', ...document }]);
    });

    it('PUT takes what GET answered', async () => {
      await put('again');
      const { body } = await box.call('GET', '/scenario/again');
      assert.equal((await box.call('PUT', '/scenario', body)).status, 200);
    });

    it('PUT takes a body that curl -d labels as a form', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      assert.equal((await box.call('PUT', '/scenario', originalDocument('curl'), headers)).status, 201);
    });

    it('PUT answers 409 when another name has the same slug, unless an _id says that it is meant', async () => {
      await put('one-name');
      const document = { ...originalDocument('one_name'), scenario_name: 'One: name!' };
      const { status, body } = await box.call('PUT', '/scenario', document);
      assert.equal(status, 409);
      assert.equal(body.scenario, 'one-name');
      assert.match(body.detail, /give it an _id/);
      assert.equal((await box.call('PUT', '/scenario', { ...document, _id: 'one-name' })).status, 200);
    });
  });

  describe('GET /scenario/{id}', () => {
    it('answers the scenario with its ETag, and 304 to who has it', async () => {
      const etag = await put('single');
      const { status, body, headers } = await box.call('GET', '/scenario/single');
      assert.equal(status, 200);
      assert.deepEqual(body, { _id: 'single', ...originalDocument('single') });
      assert.equal(headers.get('etag'), etag);
      const fresh = await box.call('GET', '/scenario/single', undefined, { 'if-none-match': etag });
      assert.equal(fresh.status, 304);
    });

    it('answers the record when it is asked for, of an old revision as well', async () => {
      const accept = { accept: 'application/vnd.thebox.scenario-record+json' };
      const first = (await put('record')).replaceAll('"', '');
      const changed = originalDocument('record');
      changed.scenario_definition.notification_definition.rules = [];
      const { body: second } = await box.call('PUT', '/scenario', changed);
      const old = await box.call('GET', `/scenario/record?rev=${first}`, undefined, accept);
      assert.equal(old.headers.get('content-type'), accept.accept);
      const now = await box.call('GET', '/scenario/record', undefined, accept);
      assert.equal(old.body.rev, first);
      assert.equal(now.body.rev, second.rev);
      assert.equal(old.body.scenario.scenario_definition.notification_definition.rules.length, 1);
      assert.equal(now.body.scenario.scenario_definition.notification_definition.rules.length, 0);
      assert.equal(now.body.createdAt, old.body.createdAt);
      assert.equal(now.body.paused, false);
    });

    it('answers 404 for a scenario and for a revision that are not there', async () => {
      await put('there');
      for (const path of ['/scenario/nowhere', '/scenario/there?rev=9-abc', '/scenario/a%2Fb', '/scenario/_design']) {
        const { status, body } = await box.call('GET', path);
        assert.equal(status, 404, path);
        assert.equal(body.code, 'not_found');
      }
    });
  });

  describe('PUT /scenario/{id}', () => {
    it('takes the id of the path, and refuses a document with another', async () => {
      const document = originalDocument('by_path');
      const made = await box.call('PUT', '/scenario/some-Id_1', document);
      assert.equal(made.status, 201);
      assert.equal(made.body._id, 'some-Id_1');
      const other = await box.call('PUT', '/scenario/some-Id_1', { ...document, _id: 'other' });
      assert.equal(other.status, 400);
      assert.deepEqual(other.body.errors, [
        { pointer: '/_id', detail: 'must be that of the path or be left out, got "other"' },
      ]);
      const bad = await box.call('PUT', '/scenario/no%20id', document);
      assert.equal(bad.status, 400);
      assert.equal(bad.body.errors[0].pointer, '/_id');
    });

    it('answers 412 when If-Match or If-None-Match does not hold, and changes nothing', async () => {
      const etag = await put('guarded');
      const document = originalDocument('guarded');
      const call = (headers: Record<string, string>) => box.call('PUT', '/scenario/guarded', document, headers);
      assert.equal((await call({ 'if-none-match': '*' })).status, 412);
      const stale = await call({ 'if-match': '"1-other"' });
      assert.equal(stale.status, 412);
      assert.equal(`"${stale.body.rev}"`, etag);
      assert.equal((await box.call('GET', '/scenario/guarded')).headers.get('etag'), etag);
      const none = await box.call('PUT', '/scenario/not-yet', originalDocument('n'), { 'if-match': '*' });
      assert.equal(none.status, 412);
      assert.equal((await call({ 'if-match': `"1-other", ${etag}` })).status, 200);
      assert.equal((await call({ 'if-match': etag })).status, 412);
    });

    it('lets one of many who replace the same revision at once win', async () => {
      const etag = await put('raced');
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          box.call('PUT', '/scenario/raced', originalDocument('raced'), { 'if-match': etag }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...new Array(7).fill(412)]);
    });
  });

  describe('DELETE /scenario/{id}', () => {
    it('answers 204, then 404, and the id can be used anew', async () => {
      const etag = await put('gone');
      assert.equal((await box.call('DELETE', '/scenario/gone', undefined, { 'if-match': '"1-x"' })).status, 412);
      const { status, body } = await box.call('DELETE', '/scenario/gone', undefined, { 'if-match': etag });
      assert.equal(status, 204);
      assert.equal(body, '');
      assert.equal((await box.call('DELETE', '/scenario/gone')).status, 404);
      assert.equal((await box.call('GET', '/scenario/gone')).status, 404);
      const anew = await box.call('PUT', '/scenario', originalDocument('gone'));
      assert.equal(anew.status, 201);
      assert.notEqual(`"${anew.body.rev}"`, etag);
    });
  });

  describe('POST /scenario/{id}/pause and /resume', () => {
    it('pauses and resumes without a new revision, and replacing keeps it paused', async () => {
      const etag = await put('paused');
      const paused = await box.call('POST', '/scenario/paused/pause');
      assert.deepEqual(paused.body, { _id: 'paused', rev: etag.replaceAll('"', ''), paused: true });
      assert.equal((await box.call('POST', '/scenario/paused/pause')).status, 200);
      assert.equal((await box.call('PUT', '/scenario', originalDocument('paused'))).body.paused, true);
      assert.equal((await box.call('POST', '/scenario/paused/resume')).body.paused, false);
      assert.equal((await box.call('POST', '/scenario/nowhere/pause')).status, 404);
    });
  });

  describe('topics', () => {
    it('PUT answers 409 with the scenario that holds a topic which is a prefix of one, or begins with it', async () => {
      await put('held.a');
      const document = originalDocument('new');
      document.scenario_definition.notification_definition.out_topic = 'held.a_features.deep';
      const { status, body } = await box.call('PUT', '/scenario', document);
      assert.equal(status, 409);
      assert.equal(body.scenario, 'held-a');
      assert.equal(body.errors[0].pointer, '/scenario_definition/notification_definition/out_topic');
      assert.equal((await box.call('GET', '/scenario/new')).status, 404);
    });

    it('lets only one of two scenarios in that come at once with topics that exclude each other', async () => {
      const a = originalDocument('twin_a');
      const b = originalDocument('twin_b');
      a.scenario_definition.notification_definition.out_topic = 'twin';
      b.scenario_definition.notification_definition.out_topic = 'twin.sub';
      const answers = await Promise.all([a, b].map((document) => box.call('PUT', '/scenario', document)));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
    });

    it('PUT warns of an out_topic that another scenario publishes to', async () => {
      await put('shared');
      const document = originalDocument('sharing');
      document.scenario_definition.notification_definition.out_topic = 'shared_notifications';
      const { status, body } = await box.call('PUT', '/scenario', document);
      assert.equal(status, 201);
      assert.deepEqual(body.warnings, [
        {
          pointer: '/scenario_definition/notification_definition/out_topic',
          message: 'shared_notifications is published to by scenario shared too',
        },
      ]);
    });
  });

  describe('bad input', () => {
    const bodies: Record<string, [string, number]> = {
      'not JSON': ['{"scenario_name":', 400],
      nothing: ['', 400],
      'a list': ['[]', 400],
      null: ['null', 400],
      'an unknown field': [JSON.stringify({ ...originalDocument('x'), extra: 1 }), 400],
      'a nesting bomb': ['['.repeat(200_000), 400],
      'a well-formed nesting bomb': [`{"scenario_name":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 400],
      'a __proto__ key': [`{"__proto__":{"polluted":1},${JSON.stringify(originalDocument('x')).slice(1)}`, 400],
      'too many bytes': [JSON.stringify({ ...originalDocument('x'), scenario_name: 'x'.repeat(1_100_000) }), 413],
    };
    for (const [what, [body, expected]] of Object.entries(bodies)) {
      it(`PUT answers ${expected} to ${what}, and takes the next good one`, async () => {
        for (const [method, path] of [
          ['PUT', '/scenario'],
          ['PUT', '/scenario/x'],
          ['POST', '/scenario/validate'],
        ]) {
          const answer = await box.call(method ?? '', path ?? '', body);
          assert.equal(answer.status, expected);
          assert.equal(answer.headers.get('content-type'), 'application/problem+json');
          assert.match(answer.body.detail, /^Cannot /);
        }
        assert.equal((await box.call('POST', '/scenario/validate', originalDocument('fine'))).status, 200);
        assert.equal((await box.call('GET', '/scenario/x')).status, 404);
      });
    }

    it('answers 415 to what is labelled as no JSON', async () => {
      const answer = await box.call('PUT', '/scenario', '<xml/>', { 'content-type': 'text/xml' });
      assert.equal(answer.status, 415);
    });

    it('answers 400 to query parameters that cannot be read', async () => {
      for (const query of ['verify=maybe', 'verify=true&verify=false', 'wait=-1', 'wait=31', 'wait=x']) {
        assert.equal((await box.call('PUT', `/scenario?${query}`, originalDocument('q'))).status, 400, query);
      }
    });

    it('answers 401 without a key, 403 with another, 405 to another method with what is allowed', async () => {
      assert.equal((await fetch(`${box.url}/scenario`)).status, 401);
      assert.equal((await box.call('GET', '/scenario', undefined, { authorization: 'Bearer other' })).status, 403);
      const post = await box.call('POST', '/scenario', originalDocument('x'));
      assert.equal(post.status, 405);
      assert.equal(post.headers.get('allow'), 'GET, PUT');
    });
  });
});
