import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sharedRabbitmq, uniqueName } from '../../support/servers.ts';

const run = promisify(execFile);

/** A virtual host of the test's own on the shared RabbitMQ: the names of queues are fixed, and other tests use them too. */
export async function openVhost(): Promise<string> {
  const server = await sharedRabbitmq();
  const name = uniqueName('sensory');
  const control = (...args: string[]) =>
    run('/usr/lib/rabbitmq/bin/rabbitmqctl', args, { env: server.nodeEnv as NodeJS.ProcessEnv });
  await control('add_vhost', name);
  await control('set_permissions', '-p', name, server.user, '.*', '.*', '.*');
  return `${server.url}/${name}`;
}
