import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { LOOPBACK } from '../../local/server/free-port.ts';

/** Passes TCP connections on to a port, until it is told to behave like the network of a container that goes away. */
export interface SilentForwarder {
  readonly url: string;
  /**
   * From now on nothing comes back, and nobody is told when the other side ends: connections stay open and say nothing.
   * Resolves when the first bytes have been swallowed.
   */
  silence(): Promise<void>;
  /** New connections are as they should be; those of the silence stay as they are. */
  heal(): void;
  /** Ends the connections of the silence, as who waits on them notices at last. */
  cut(): void;
  close(): Promise<void>;
}

export async function openSilentForwarder(port: number): Promise<SilentForwarder> {
  const callers = new Set<{ readonly socket: Socket; isSilent: boolean }>();
  let isSilent = false;
  let swallowed = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const caller = { socket, isSilent };
    callers.add(caller);
    const target = connect(port, LOOPBACK);
    socket.on('data', (bytes) => target.write(bytes));
    target.on('data', (bytes) => {
      if (caller.isSilent) swallowed.resolve();
      else socket.write(bytes);
    });
    target.on('close', () => {
      if (!caller.isSilent) socket.destroy();
    });
    socket.on('close', () => {
      callers.delete(caller);
      target.destroy();
    });
    // Either side ends by being killed: `close` follows, and is what counts.
    for (const side of [socket, target]) side.on('error', () => side.destroy());
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server must have a port');
  return {
    url: `http://${LOOPBACK}:${address.port}`,
    silence() {
      isSilent = true;
      swallowed = Promise.withResolvers<void>();
      for (const caller of callers) caller.isSilent = true;
      return swallowed.promise;
    },
    heal() {
      isSilent = false;
    },
    cut() {
      for (const caller of callers) if (caller.isSilent) caller.socket.destroy();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const { socket } of callers) socket.destroy();
      await closed;
    },
  };
}
