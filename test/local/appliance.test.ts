import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Appliance, type ApplianceOptions, openAppliance } from '../../local/appliance.ts';
import { runDemo } from '../../local/demo/demo.ts';
import { temporaryFolder } from '../support/servers.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

describe('openAppliance', function () {
  // Eleven processes on a machine that may be busy.
  this.timeout(180_000);

  let options: ApplianceOptions;
  let appliance: Appliance;

  before(async () => {
    options = { root: ROOT, folder: await temporaryFolder('appliance'), ports: 'free', rabbitmq: 'never' };
    appliance = await openAppliance(options);
  });

  after(() => appliance.close());

  async function call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${appliance.env.BOX_API_KEY}` };
    return fetch(`${appliance.env.BOX_GATEWAY}/function/${path}`, { ...init, headers });
  }

  function pidOf(name: string): number {
    const pid = appliance.processes.find((one) => one.name === name)?.pid;
    assert(pid !== undefined, `${name} runs`);
    return pid;
  }

  it('brings every function of stack.yml and the connector up', () => {
    assert.deepEqual(appliance.down, []);
    const names = appliance.processes.map(({ name }) => name);
    assert.deepEqual(names, ['orchestrator', 'ingestion', 'inference', 'notification', 'sensory', 'connector']);
  });

  it('writes down where everything is, for its owner alone', async () => {
    const file = join(options.folder, 'env.json');
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), appliance.env);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(options.folder)).mode & 0o777, 0o700);
    assert.equal((await stat(join(options.folder, 'secrets', 'box-api-key'))).mode & 0o777, 0o600);
  });

  it('says so when one runs in the folder already', async () => {
    await assert.rejects(openAppliance(options), { code: 'conflict', message: /one runs already in/ });
  });

  it('turns images into notifications, none lost, also when functions and the connector are killed meanwhile', async () => {
    const victims = ['ingestion', 'inference', 'connector', 'notification'];
    let seen = 0;
    const summary = await runDemo({
      root: ROOT,
      env: appliance.env,
      count: 60,
      rate: 20,
      signal: AbortSignal.timeout(120_000),
      onSeen() {
        seen += 1;
        const victim = seen % 10 === 0 ? victims.shift() : undefined;
        if (victim !== undefined) process.kill(pidOf(victim), 'SIGKILL');
      },
    });
    assert.partialDeepStrictEqual(summary, { sent: 60, notified: 60, lost: 0, repeated: 0 });
    assert(summary.accuracy > 0.9, `accuracy is ${summary.accuracy}`);
  });

  it('keeps scenarios and keys for the next start', async () => {
    const key = appliance.env.BOX_API_KEY;
    await appliance.close();
    appliance = await openAppliance(options);
    assert.equal(appliance.env.BOX_API_KEY, key);
    assert.equal((await call('orchestrator/scenario/digits')).status, 200);
  });
});
