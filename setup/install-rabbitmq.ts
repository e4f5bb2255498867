import { existsSync } from 'node:fs';
import { findOnPath } from './find-server.ts';
import { installDebianPackage } from './install-debian-package.ts';
import { runToEnd } from './run-to-end.ts';

/** RabbitMQ's own start script. Debian's wrapper on PATH is no use: it drops to the user `rabbitmq` and its folders. */
export function findRabbitmq(env: NodeJS.ProcessEnv): string | undefined {
  const debian = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  if (existsSync(debian)) return debian;
  return findOnPath('rabbitmq-server', env);
}

/**
 * Installs Debian's package of RabbitMQ without starting its service.
 *
 * @throws Error with the command to give, when this user may not install packages.
 */
export async function installRabbitmq(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  await installDebianPackage('rabbitmq-server', env, say);
  // A service of the system would take the port at the next boot; the servers here are started by those who need them.
  if (existsSync('/run/systemd/system')) await runToEnd('systemctl', ['disable', 'rabbitmq-server'], env);
}
