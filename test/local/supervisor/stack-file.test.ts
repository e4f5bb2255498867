import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readStackFile } from '../../../local/supervisor/stack-file.ts';
import { temporaryFolder } from '../../support/servers.ts';

const FIXTURE = join(import.meta.dirname, 'fixture', 'stack.yml');

describe('readStackFile', () => {
  it('gives each function with its folder and its environment as text', async () => {
    assert.deepEqual(await readStackFile(FIXTURE, {}), [
      {
        name: 'hello',
        lang: 'box-node',
        handler: join(import.meta.dirname, 'fixture', 'hello'),
        image: 'registry.example/hello:latest',
        environment: { GREETING: 'from stack.yml', max_inflight: '4' },
        secrets: ['box-api-key'],
        labels: { 'box.role': 'hello' },
        annotations: {},
      },
    ]);
  });

  it('takes variables from the environment, as faas-cli does', async () => {
    const [hello] = await readStackFile(FIXTURE, { TAG: 'v2' });
    assert.equal(hello?.image, 'registry.example/hello:v2');
  });

  it('reads the stack file of this project', async () => {
    const names = (await readStackFile('stack.yml', {})).map(({ name }) => name);
    assert.deepEqual(names, ['orchestrator', 'ingestion', 'inference', 'notification', 'sensory']);
  });

  it('says what is missing', async () => {
    const path = join(await temporaryFolder('stack'), 'stack.yml');
    await writeFile(path, 'functions:\n  a:\n    lang: box-node\n');
    await assert.rejects(readStackFile(path, {}), {
      code: 'invalid_argument',
      message: `Cannot read ${path}: functions.a.handler must be text`,
    });
  });
});
