import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Gateway, openGateway } from '../../../local/gateway/gateway.ts';
import { type FunctionProcess, startFunction } from '../../../local/supervisor/function-process.ts';
import { readStackFile, type StackFunction } from '../../../local/supervisor/stack-file.ts';

const TEMPLATES = join(import.meta.dirname, '..', '..', '..', 'templates');

describe('startFunction', () => {
  let definition: StackFunction;
  let running: FunctionProcess | undefined;
  let gateway: Gateway | undefined;

  beforeEach(async () => {
    const [hello] = await readStackFile(join(import.meta.dirname, 'fixture', 'stack.yml'), {});
    assert(hello !== undefined);
    definition = hello;
  });

  afterEach(async () => {
    await running?.process.stop();
    await gateway?.close();
    running = undefined;
    gateway = undefined;
  });

  async function throughGateway(): Promise<string> {
    const deployed = running?.deployed;
    assert(deployed !== undefined);
    const functions = { find: () => deployed, list: () => [deployed] };
    gateway = await openGateway({ functions, login: { user: 'admin', password: 'secret' } });
    return `${gateway.url}/function/hello`;
  }

  it("runs it with the template's runtime, stack.yml's environment and what it is given", async () => {
    running = startFunction({ definition, templates: TEMPLATES, environment: { SECRETS_DIR: '/secrets' } });
    await running.ready;
    const response = await fetch(`${await throughGateway()}/some/path`);
    assert.deepEqual(await response.json(), {
      pid: running.process.pid,
      path: '/some/path',
      greeting: 'from stack.yml',
      mine: '/secrets',
    });
    assert.equal(running.deployed.maxInflight, 4);
  });

  it('starts it again when it was killed or has left, and the gateway finds it', async () => {
    running = startFunction({ definition, templates: TEMPLATES, environment: {} });
    await running.ready;
    const url = await throughGateway();
    for (const end of ['kill', 'leave'] as const) {
      const before = running.process.pid;
      assert(before !== undefined);
      if (end === 'kill') process.kill(before, 'SIGKILL');
      else assert.equal((await fetch(`${url}/leave`)).status, 502);
      await untilOtherPid(url, before);
    }
    assert.equal(running.process.restarts, 2);
  });

  it('keeps trying one that does not start, and keeps what it says', async () => {
    const failures = Promise.withResolvers<void>();
    let ended = 0;
    const handler = join(import.meta.dirname, 'fixture', 'broken');
    running = startFunction({
      definition: { ...definition, handler },
      templates: TEMPLATES,
      environment: {},
      onRestart: () => {
        ended += 1;
        if (ended === 2) failures.resolve();
      },
    });
    await failures.promise;
    assert.equal(running.deployed.available, false);
    assert.match(JSON.stringify(running.process.log.last(20)), /I cannot/);
  });

  it('refuses a function whose template is not here', () => {
    const foreign = { ...definition, lang: 'python3' };
    assert.throws(() => startFunction({ definition: foreign, templates: TEMPLATES, environment: {} }), {
      code: 'invalid_argument',
      message: 'Cannot run function hello here: its template must be one of this clone, got lang "python3"',
    });
  });
});

/** Asks until another process answers, for at most 100 s. */
async function untilOtherPid(url: string, before: number): Promise<void> {
  const signal = AbortSignal.timeout(100_000);
  for (;;) {
    const response = await fetch(url, { signal });
    const body: unknown = response.ok ? await response.json() : await response.text();
    if (typeof body === 'object' && body !== null && 'pid' in body && body.pid !== before) return;
  }
}
