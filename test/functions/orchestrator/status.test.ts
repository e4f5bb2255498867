import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { originalDocument } from '../../support/scenario.ts';
import { uniqueName } from '../../support/servers.ts';
import { startOrchestrator, type TestOrchestrator } from './support/orchestrator.ts';

describe('orchestrator, what the connector tells', () => {
  let box: TestOrchestrator;
  /** The bus is shared by all tests: the scenario's name is this test's own. */
  let name: string;

  beforeEach(async () => {
    name = uniqueName('scenario');
    box = await startOrchestrator();
  });

  afterEach(() => box.close());

  it('PUT waits until the connector works with the revision, and says so', async () => {
    const first = await box.call('PUT', '/scenario', originalDocument(name));
    assert.equal(first.body.applied, false);
    assert.equal(first.headers.get('box-applied'), 'false');
    const putting = box.call('PUT', '/scenario?wait=20', originalDocument(name));
    for (let rev = ''; !rev.startsWith('2-'); ) {
      rev = (await box.call('GET', `/scenario/${name}`)).headers.get('etag')?.replaceAll('"', '') ?? '';
      if (rev.startsWith('2-')) await box.status.writeScenario({ scenario: name, rev, paused: false });
    }
    const second = await putting;
    assert.equal(second.body.applied, true);
    assert.equal(second.body.not_applied_because, undefined);
    assert.equal(second.headers.get('box-applied'), 'true');
  });

  it('PUT says why the connector does not work with the revision after the time waited', async () => {
    const late = await box.call('PUT', '/scenario?wait=1', originalDocument(name));
    assert.equal(late.status, 201);
    assert.equal(late.body.applied, false);
    assert.match(late.body.not_applied_because, /within 1000 ms/);
  });

  it('DELETE waits until the connector has let go', async () => {
    const { body } = await box.call('PUT', '/scenario', originalDocument(name));
    await box.status.writeScenario({ scenario: name, rev: body.rev, paused: false });
    const deleting = box.call('DELETE', `/scenario/${name}?wait=20`);
    while ((await box.call('GET', `/scenario/${name}`)).status !== 404);
    await box.status.removeScenario(name);
    const { status, headers } = await deleting;
    assert.equal(status, 204);
    assert.equal(headers.get('box-applied'), 'true');
  });

  it('GET /status tells of every stage what the connector reports, and unknown before it does', async () => {
    const { body: put } = await box.call('PUT', '/scenario', originalDocument(name));
    const since = '2026-11-21T12:00:00.000Z';
    const lastError = { at: since, code: 'unavailable', message: 'Cannot invoke inference' };
    await box.status.writeStage({
      scenario: name,
      stage: 'inference',
      rev: put.rev,
      function: 'inference',
      state: 'retrying',
      since,
      lastError,
      processed: 7,
      dead: 2,
    });
    const { status, body } = await box.call('GET', '/status');
    assert.equal(status, 200);
    assert.deepEqual(body.bus, { reachable: true });
    assert.equal(body.scenarios.length, 1);
    const { stages, ...scenario } = body.scenarios[0];
    assert.equal(scenario.id, name);
    assert.equal(scenario.rev, put.rev);
    assert.equal(scenario.paused, false);
    assert.deepEqual(stages, [
      {
        stage: 'inference',
        function: 'inference',
        inTopic: `${name}_features`,
        outTopic: `${name}_predictions`,
        state: 'retrying',
        since,
        applied: true,
        appliedRev: put.rev,
        waiting: 0,
        inProgress: 0,
        processed: 7,
        dead: 2,
        lastError,
      },
      {
        stage: 'notification',
        function: 'notification',
        inTopic: `${name}_predictions`,
        outTopic: `${name}_notifications`,
        state: 'unknown',
        applied: false,
      },
    ]);
    await box.status.removeStage(name, 'inference');
  });
});

describe('orchestrator, the bus away', () => {
  it('keeps scenarios, and says in the status that the bus is away', async () => {
    const box = await startOrchestrator({ NATS_URL: `nats://127.0.0.1:${await closedPort()}`, APPLY_WAIT_MS: '1000' });
    const put = await box.call('PUT', '/scenario', originalDocument('alone'));
    assert.equal(put.status, 201);
    assert.equal(put.body.applied, false);
    assert.match(put.body.not_applied_because, /Cannot connect to NATS/);
    const { status, body } = await box.call('GET', '/status');
    assert.equal(status, 200);
    assert.equal(body.bus.reachable, false);
    assert.match(body.bus.detail, /Cannot connect to NATS/);
    assert.deepEqual(
      body.scenarios[0].stages.map((stage: { state: string }) => stage.state),
      ['unknown', 'unknown'],
    );
    await box.close();
  });
});

describe('orchestrator, CouchDB away', () => {
  it('answers 503 to what needs it and is not healthy, and serves what does not', async () => {
    const box = await startOrchestrator({ COUCHDB_URL: `http://127.0.0.1:${await closedPort()}` });
    for (const [method, path, body] of [
      ['GET', '/scenario', undefined],
      ['GET', '/status', undefined],
      ['PUT', '/scenario', originalDocument('x')],
      ['DELETE', '/scenario/x', undefined],
    ] as const) {
      const answer = await box.call(method, path, body);
      assert.equal(answer.status, 503, path);
      assert.match(answer.body.detail, /^Cannot use CouchDB/);
    }
    assert.equal((await box.call('GET', '/healthz')).status, 503);
    assert.equal((await box.call('GET', '/openapi.json')).status, 200);
    await box.close();
  });
});

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
