import type { EventEmitter } from 'node:events';
import { errorText } from '../error/box-error.ts';

/**
 * Closes a channel or a connection of amqplib. Its own `close` resolves only when the broker has answered: with a broker that
 * ends at that moment it never does, and a shard hung until the connector gave its call up after a minute. What is gone counts
 * as closed.
 *
 * @throws what went wrong, but for "it is closed already".
 */
export async function closeQuietly(one: EventEmitter & { close(): Promise<unknown> }): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const onClose = () => gone.resolve();
  one.once('close', onClose);
  try {
    await Promise.race([one.close(), gone.promise]);
  } catch (error) {
    if (!/closed|closing/i.test(errorText(error))) throw error;
  } finally {
    one.off('close', onClose);
  }
}
