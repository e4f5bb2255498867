import type { DeployedFunction } from '../../local/gateway/function-table.ts';
import { LogBuffer } from '../../local/server/log-buffer.ts';

/** A function that answers at `origin`, as the local gateway knows it that calls it. */
export function deployedFunction(name: string, origin: string, log = new LogBuffer()): DeployedFunction {
  return {
    name,
    origin,
    available: true,
    image: `box/${name}`,
    process: 'node index.ts',
    labels: {},
    annotations: {},
    secrets: [],
    maxInflight: 0,
    createdAt: new Date(0),
    log,
  };
}
