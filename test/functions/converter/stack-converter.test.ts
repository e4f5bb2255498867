import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../../..');

interface Stack {
  readonly functions: Readonly<Record<string, StackFunction>>;
}

interface StackFunction {
  readonly lang: string;
  readonly handler: string;
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly readonly_root_filesystem: boolean;
}

describe('stack.converter.yml', () => {
  let converter: StackFunction;
  let main: Stack;
  before(async () => {
    const read = async (name: string) => parse(await readFile(join(ROOT, name), 'utf8')) as Stack;
    main = await read('stack.yml');
    const { functions } = await read('stack.converter.yml');
    assert.deepEqual(Object.keys(functions), ['converter']);
    converter = functions.converter ?? assert.fail();
  });

  it('has one function, which no board gets with stack.yml, with the same timeouts and the key alone', () => {
    assert.equal('converter' in main.functions, false);
    const { environment, secrets, annotations } = converter;
    const timeouts = ['read_timeout', 'write_timeout', 'exec_timeout', 'healthcheck_interval'] as const;
    for (const name of timeouts) assert.equal(environment[name], main.functions.inference?.environment[name], name);
    assert.ok(Number(environment.CONVERT_TIMEOUT_S) < Number.parseInt(environment.exec_timeout ?? '', 10));
    assert.deepEqual(secrets, ['box-api-key']);
    assert.equal('topic' in annotations, false);
    assert.equal(converter.readonly_root_filesystem, true);
  });

  it('is built by a Dockerfile of its own from pinned packages, with the watchdog of the other functions', async () => {
    assert.equal(converter.lang, 'dockerfile');
    const folder = join(ROOT, converter.handler);
    const dockerfile = await readFile(join(folder, 'Dockerfile'), 'utf8');
    const template = await readFile(join(ROOT, 'templates/box-node/Dockerfile'), 'utf8');
    const watchdog = (text: string) => /^ARG WATCHDOG_IMAGE=(.+)$/m.exec(text)?.[1];
    assert.equal(watchdog(dockerfile), watchdog(template));
    for (const file of ['index.py', 'convert.py', 'requirements.txt']) assert.ok(existsSync(join(folder, file)), file);
    const packages = (await readFile(join(folder, 'requirements.txt'), 'utf8'))
      .split('\n')
      .filter((line) => /^\w/.test(line));
    for (const line of packages) assert.match(line, /^[\w.-]+==[\w.]+( ; .+)?$/);
  });
});
