import assert from 'node:assert/strict';
import { keepServer } from '../../../local/server/keep-server.ts';
import { startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

describe('keepServer', () => {
  it('starts a server that was killed again, on the same port', async () => {
    const dataDir = await temporaryFolder('kept');
    const restarted: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
    let starts = 0;
    const kept = await keepServer({
      port: undefined,
      async start(port) {
        const server = await startNats({ dataDir, ...(port !== undefined && { port }) });
        starts += 1;
        // Only after this turn is it the current one.
        setImmediate(() => restarted[starts - 2]?.resolve());
        return server;
      },
      onRestart: () => undefined,
    });
    const { port } = kept.current;
    for (const again of restarted) {
      await kept.current.kill();
      await again.promise;
      assert.equal(kept.current.port, port);
    }
    const last = kept.current;
    await kept.stop();
    await last.exited;
    assert.equal(starts, 3);
  });

  it('rejects when the first start fails', async () => {
    const failing = { port: undefined, start: () => Promise.reject(new Error('no disk')), onRestart: () => undefined };
    await assert.rejects(keepServer(failing), /no disk/);
  });
});
