import type { AddressInfo } from 'node:net';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openBoxFunction } from '../../templates/box-node/runtime/box-function.ts';
import { runtimeConfig } from '../../templates/box-node/runtime/config.ts';
import { createRuntimeServer } from '../../templates/box-node/runtime/server.ts';

export interface ServedFunction {
  /** Where the function's root is, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a function of ours over HTTP, by the template's own runtime, on a free port. */
export async function serveFunction(
  open: (env: Readonly<Record<string, string | undefined>>) => Promise<OpenedFunction>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ServedFunction> {
  const loaded = await openBoxFunction(open, runtimeConfig(env, ''), { ...env });
  const server = createRuntimeServer({ loaded, draining: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await loaded.close();
    },
  };
}
