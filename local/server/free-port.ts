import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/**
 * Below the ports that systems give to whoever asks for any, connections included (Linux from 32768, others from 49152): one that
 * is free stays so until it is used, and while a server on it is started again.
 */
const FIRST_PORT = 10_000;
const END_OF_PORTS = 32_000;
const TRIES = 1000;

/** What was given here: somebody will listen there, or listens no more and will again. */
const given = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on: the wanted one when it is free, else any. */
export async function freePort(wanted = 0): Promise<number> {
  if (wanted !== 0 && (await isFree(wanted))) return wanted;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST_PORT, END_OF_PORTS);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`Cannot find a free port from ${FIRST_PORT} to ${END_OF_PORTS - 1}: none of ${TRIES} tries was free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (!isAddressTaken(error)) throw error;
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

function isAddressTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
}
