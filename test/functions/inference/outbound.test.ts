import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../support/servers.ts';

const run = promisify(execFile);
const OUTBOUND = join(import.meta.dirname, 'outbound');
/** A network of its own with nothing but the loopback device: needs Linux that lets users have one, and `ip`. */
const OWN_NETWORK = ['--user', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] as const;
const hasOwnNetwork = spawnSync('unshare', [...OWN_NETWORK, 'true']).status === 0;

/**
 * Two watch. A module that is preloaded into the function and its worker threads refuses and records every connection,
 * datagram and look-up that Node's own modules are asked for; it cannot see native code, such as ONNX Runtime's report of
 * usage. Where Linux lets a user have a network namespace, the function runs in one that has no way out, and the kernel
 * counts what found none, native code included. Where it does not (other systems, containers that forbid it) native code is
 * not watched. Neither sees what would be sent only after more time than the test takes, nor a look-up in native code
 * that a resolver on a loopback address would pass on.
 */
describe('inference as it is by default', () => {
  let file: string;
  beforeEach(async () => {
    file = join(await temporaryFolder('outbound'), 'tries');
    await writeFile(file, '');
  });

  function node(...args: readonly string[]) {
    const [command, all] = hasOwnNetwork
      ? ['unshare', [...OWN_NETWORK, process.execPath, ...args]]
      : [process.execPath, [...args]];
    return run(command as string, all as string[], { env: { PATH: process.env.PATH, OUTBOUND_FILE: file } });
  }

  it(`tries no connection out of the machine (native code is ${hasOwnNetwork ? '' : 'not '}watched)`, async () => {
    const { stdout } = await node(join(OUTBOUND, 'use-inference.ts'));
    const { answers, sentOut } = JSON.parse(stdout) as { answers: number[]; sentOut?: number };
    assert.deepEqual(answers, [200, 200, ...new Array<number>(6).fill(422), 200, 200, 404, 200]);
    assert.equal(await readFile(file, 'utf8'), '');
    if (hasOwnNetwork) assert.equal(sentOut, 0);
  });

  it('would be seen if it tried: sockets, datagrams, look-ups, in worker threads too', async () => {
    await node('--import', join(OUTBOUND, 'watch-sockets.ts'), join(OUTBOUND, 'try-everything.ts'));
    const seen = (await readFile(file, 'utf8')).trim().split('\n').toSorted();
    const each = ['connect 192.0.2.1', 'connect 192.0.2.3', 'lookup a.example', 'send 192.0.2.2'];
    assert.deepEqual(
      seen,
      each.flatMap((line) => [line, line]),
    );
  });

  if (hasOwnNetwork) {
    it('would be seen in native code too: the kernel counts what the preloaded module does not see', async () => {
      const { stdout } = await node(join(OUTBOUND, 'connect-unwatched.ts'));
      assert.equal(Number(stdout), 1);
      assert.equal(await readFile(file, 'utf8'), '');
    });
  }
});
