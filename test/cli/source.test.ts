import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Gateway, openGateway } from '../../local/gateway/gateway.ts';
import { KEY, startOrchestrator, type TestOrchestrator } from '../functions/orchestrator/support/orchestrator.ts';
import { deployedFunction } from '../support/deployed-function.ts';
import { temporaryFolder } from '../support/servers.ts';
import { runBox } from './run-box.ts';

describe('box source', () => {
  let orchestrator: TestOrchestrator;
  let gateway: Gateway;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder('box-source');
    orchestrator = await startOrchestrator();
    gateway = await openGateway({
      functions: { find: (name) => deployedFunction(name, orchestrator.url), list: () => [] },
      login: { user: 'admin', password: 'secret' },
      port: 0,
    });
  });

  after(async () => {
    await gateway.close();
    await orchestrator.close();
  });

  const box = (...args: string[]) => runBox(folder, { BOX_GATEWAY: gateway.url, BOX_API_KEY: KEY }, 'source', ...args);

  it('put makes a source, shows its token once and where it opens something', async () => {
    const pem = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' });
    await writeFile(join(folder, 'kiln.pem'), pem);
    await writeFile(join(folder, 'kiln.json'), JSON.stringify({ name: 'Kiln', quota: { bytes_per_day: 10 } }));
    const options = [
      '--file',
      'kiln.json',
      '--every',
      '60',
      '--rate',
      '2.5',
      '--tag',
      'a',
      'b',
      '--public-key',
      'kiln.pem',
    ];
    const made = await box('put', 'kiln', ...options);
    assert.equal(made.status, 0, made.stderr);
    assert.match(
      made.stdout,
      /^kiln: made\ntoken \(shown this once\): bxs_\S{43}\n {2}http .*\n {2}nats {2}thebox\.source\.kiln\./,
    );
    const shown = JSON.parse((await box('show', 'kiln')).stdout);
    assert.partialDeepStrictEqual(shown, {
      name: 'Kiln',
      quota: { bytes_per_day: 10, signals_per_second: 2.5 },
      expected_every_seconds: 60,
      tags: ['a', 'b'],
      public_key: String(pem),
    });
    const replaced = await box('put', 'kiln', '--name', 'Kiln 2');
    assert.equal(replaced.stdout, 'kiln: replaced\n');
  });

  it('token gives another, list shows all, release knows a stranger, rm removes', async () => {
    assert.match((await box('token', 'kiln')).stdout, /^kiln: another token\ntoken \(shown this once\): bxs_/);
    assert.equal((await box('put', 'plain', '--no-token')).stdout, 'plain: made\n');
    const { stdout } = await box('list');
    assert.match(stdout, /^ID +NAME +HEALTH +LAST SEEN +SIGNALS +REFUSED +QUARANTINED\nkiln +Kiln 2 +unknown/);
    assert.equal((await box('release', 'stranger')).stdout, 'stranger: 0 released, and known\n');
    assert.equal((await box('drop', 'stranger')).stdout, 'stranger: 0 dropped\n');
    assert.equal((await box('rm', 'stranger')).stdout, 'stranger: removed\n');
    const gone = await box('show', 'stranger');
    assert.notEqual(gone.status, 0);
    assert.match(gone.stderr, /Cannot find source stranger/);
  });

  it('says what is wrong with a source', async () => {
    const wrong = await box('put', 'kiln', '--hmac-secret', 'box-api-key');
    assert.match(wrong.stderr, /hmac_secret must be source- and then/);
    assert.match((await box('put', 'kiln', '--every', 'often')).stderr, /--every must be a number, got often/);
    assert.match((await box('put', 'kiln', '--file', 'none.json')).stderr, /Cannot read none\.json/);
  });
});
