import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Gateway, openGateway } from '../../../local/gateway/gateway.ts';
import { findPythonOf } from '../../../setup/python-environment.ts';
import { deployedFunction } from '../../support/deployed-function.ts';
import { KEY } from './support/open-for-test.ts';

const HERE = join(import.meta.dirname, 'conformance');

describe('NVIDIA’s own client of the protocol', () => {
  it('works through the gateway, with the function’s path in the URL', async () => {
    // Models and function in a process of their own, as the client's machine would have it.
    const server = spawn(process.execPath, [join(HERE, 'serve.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(server, 'exit');
    let gateway: Gateway | undefined;
    try {
      const [line] = (await once(server.stdout, 'data')) as [Buffer];
      gateway = await openGatewayTo(line.toString().trim());
      const python = findPythonOf('test', process.env) ?? assert.fail('npm test makes the Python environment');
      const url = `${gateway.url}/function/inference`;
      const client = spawn(python, [join(HERE, 'tritonclient_test.py'), url, KEY], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [said, failed, [code]] = await Promise.all([
        text(client.stdout),
        text(client.stderr),
        once(client, 'close'),
      ]);
      assert.equal(code, 0, failed);
      assert.match(said, /tritonclient: all calls work/);
    } finally {
      await gateway?.close();
      server.stdin.end();
      await ended;
    }
  });
});

/** The gateway of the appliance on one machine, with one function. */
function openGatewayTo(origin: string): Promise<Gateway> {
  const inference = deployedFunction('inference', origin);
  const find = (name: string) => (name === 'inference' ? inference : undefined);
  return openGateway({ functions: { find, list: () => [inference] }, login: { user: 'admin', password: 'x' } });
}
