import { BoxError } from '#lib/error/box-error.ts';
import { findServer, type ServerName } from '../../setup/find-server.ts';

const found = new Map<ServerName, Promise<string | undefined>>();

/**
 * The path of a server's binary, looked up once per process.
 *
 * @throws BoxError `unavailable` when the set-up has not been run.
 */
export async function serverBinary(name: ServerName): Promise<string> {
  const lookup = found.get(name) ?? findServer(name, process.env);
  found.set(name, lookup);
  const path = await lookup;
  if (path === undefined) {
    throw new BoxError('unavailable', `Cannot start ${name}: it must be installed; npm test and npm start do that`);
  }
  return path;
}
