import { createServer, type Server, type Socket } from 'node:net';

/** What a server that is not well, or not well-meaning, does. */
export interface OddServerOptions {
  readonly content: Buffer;
  /** What it says of the file; undefined: it does not know SIZE and MDTM. */
  readonly size?: number;
  /** How much of it it sends before it closes the data connection and says that all is well. */
  readonly sends?: number;
  /** The address that it names for the data connection, as PASV does: `10,0,0,1`. */
  readonly passiveHost?: string;
  /** After this many bytes it says no more and sends no more. */
  readonly stallsAfter?: number;
}

export interface OddServer {
  readonly port: number;
  /** Commands that were sent to it. */
  readonly commands: readonly string[];
  close(): Promise<void>;
}

/** A small FTP server that does what real ones are not to be trusted with. It knows no EPSV. */
export async function startOddServer(options: OddServerOptions): Promise<OddServer> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const listen = async (onSocket: (socket: Socket) => void): Promise<number> => {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      onSocket(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };

  const port = await listen((control) => {
    const data = Promise.withResolvers<Socket>();
    const say = (line: string) => control.write(`${line}\r\n`);
    const answer = async (line: string): Promise<void> => {
      const [command = ''] = line.split(' ');
      commands.push(line);
      if (command === 'USER') say('331 password, please');
      else if (command === 'PASS') say('230 welcome');
      else if (command === 'TYPE') say('200 so be it');
      else if (command === 'SIZE' && options.size !== undefined) say(`213 ${options.size}`);
      else if (command === 'MDTM' && options.size !== undefined) say('213 20260102030405');
      else if (command === 'PASV') {
        const at = await listen((socket) => data.resolve(socket));
        const host = options.passiveHost ?? '127,0,0,1';
        say(`227 Entering Passive Mode (${host},${at >> 8},${at & 255})`);
      } else if (command === 'RETR') {
        say('150 here it comes');
        const socket = await data.promise;
        if (options.stallsAfter !== undefined)
          return void socket.write(options.content.subarray(0, options.stallsAfter));
        socket.end(options.content.subarray(0, options.sends));
        say('226 that was all');
      } else say('502 never heard of it');
    };
    say('220 odd');
    let rest = '';
    control.on('data', (chunk) => {
      const lines = (rest + chunk.toString()).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) void answer(line);
    });
  });
  return {
    port,
    commands,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
