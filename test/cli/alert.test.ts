import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { open } from '../../functions/notification/handler.ts';
import { type Gateway, openGateway } from '../../local/gateway/gateway.ts';
import { type Fixture, openFixture } from '../connector/fixture.ts';
import { rulesRecord } from '../functions/notification/support/storm.ts';
import { deployedFunction } from '../support/deployed-function.ts';
import { type ServedFunction, serveFunction } from '../support/served-function.ts';
import { runBox } from './run-box.ts';

describe('box alert', () => {
  let fixture: Fixture;
  let served: ServedFunction;
  let gateway: Gateway;

  before(async () => {
    fixture = await openFixture();
    const rule = { rule_name: 'hot', rule_content: "prediction['t'].data[0] > 30", notification_id: 'heat' };
    const record = rulesRecord('house', [{ ...rule, notify_on: 'change', message: "f'{source} is hot'" }]);
    fixture.gateway.functions.set('orchestrator', () => ({ status: 200, body: JSON.stringify(record) }));
    served = await serveFunction(open, {
      GATEWAY_URL: fixture.gateway.url,
      NATS_URL: fixture.natsUrl,
      SECRETS_DIR: fixture.secretsDir,
      LOG_LEVEL: 'silent',
    });
    gateway = await openGateway({
      functions: { find: (name) => deployedFunction(name, served.url), list: () => [] },
      login: { user: 'admin', password: 'secret' },
      port: 0,
    });
    // The connector gives the function its events through the fixture's gateway, which knows it by name alone.
    fixture.gateway.functions.set('notification', async ({ headers, body }) => {
      const { connection: _, 'transfer-encoding': __, ...rest } = headers;
      const init = { method: 'POST', headers: rest as Record<string, string>, body: new Uint8Array(body) };
      const answer = await fetch(`${served.url}/`, init);
      return { status: answer.status, headers: { 'content-type': 'application/json' }, body: await answer.text() };
    });
    await fixture.put(record);
    for (const source of ['roof', 'cellar']) {
      await fixture.send('house-in', { correlation_id: 'c', prediction_data: { t: { data: [31] } } }, { source });
    }
    await fixture.receive('house-out', 2);
  });

  after(async () => {
    await gateway?.close();
    await served?.close();
    await fixture?.close();
  });

  async function box(...args: string[]) {
    const options = args[0] === '--json' ? args.splice(0, 1) : [];
    const env = { BOX_GATEWAY: gateway.url, BOX_API_KEY: 'secret-key' };
    return runBox(fixture.secretsDir, env, ...options, 'alert', ...args);
  }

  async function idOf(group: string): Promise<string> {
    const { stdout, stderr } = await box('--json', 'list', 'house');
    assert.equal(stderr, '');
    const { alerts } = JSON.parse(stdout) as { alerts: { id: string; group: string }[] };
    const id = alerts.find((alert) => alert.group === group)?.id;
    assert.ok(id);
    return id;
  }

  it('list shows what is open, and only the state that was asked for', async () => {
    const { status, stdout } = await box('list', 'house');
    assert.equal(status, 0);
    assert.match(stdout, /^ALERT +STATE +RULE +GROUP .*\n\S+ +open +hot +(roof|cellar) .* is hot\n/);
    assert.match(stdout, / roof is hot$/m);
    assert.equal((await box('list', 'house', '--state', 'resolved')).stdout, 'There are no alerts.\n');
    const odd = await box('list', 'house', '--state', 'odd');
    assert.equal(odd.status, 2);
    assert.match(odd.stderr, /state must be one of open, acknowledged, snoozed, resolved, got odd/);
  });

  it('ack says who it was: the login name where --by does not', async () => {
    const id = await idOf('roof');
    assert.equal((await box('ack', id, '--note', 'on my way')).stdout, `${id}: acknowledged\n`);
    const { stdout } = await box('--json', 'list', 'house', '--state', 'acknowledged');
    const { alerts } = JSON.parse(stdout) as { alerts: { history: { by: string; note: string }[] }[] };
    assert.partialDeepStrictEqual(alerts[0]?.history, [{ by: userInfo().username, note: 'on my way' }]);
  });

  it('snooze takes a time or a duration, and one of them', async () => {
    const id = await idOf('cellar');
    const until = new Date(Date.now() + 3_600_000).toISOString();
    assert.equal((await box('snooze', id, '--by', 'Ada', '--until', until)).stdout, `${id}: snoozed until ${until}\n`);
    assert.match((await box('snooze', id, '--by', 'Ada', '--for', '2h')).stdout, /: snoozed until 20/);
    for (const wrong of [[], ['--for', 'soon'], ['--for', '2h', '--until', until]]) {
      assert.equal((await box('snooze', id, ...wrong)).status, 2, wrong.join(' '));
    }
  });

  it('resolve ends it; what is over cannot be changed, and what is not there is not found', async () => {
    const id = await idOf('cellar');
    assert.equal((await box('resolve', id, '--by', 'Ada')).stdout, `${id}: resolved\n`);
    assert.equal((await box('ack', id, '--by', 'Ada')).status, 4);
    assert.equal((await box('ack', 'none', '--by', 'Ada')).status, 3);
  });
});
