import { PassThrough, Writable } from 'node:stream';
import { Client, FTPError } from 'basic-ftp';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { openAddressGuard } from '#lib/net/address-guard.ts';
import type { ModelSource, Validators } from './source.ts';

/** How long the server may be silent. */
const IDLE_MS = 30_000;
const FTP_PORT = 21;
/** Answers to SIZE and MDTM of a server that does not know them. */
const UNKNOWN_COMMAND = new Set([500, 501, 502, 504]);
const LOGIN_REFUSED = new Set([430, 530, 532]);

/**
 * Models over ftp, `ftp://[user:password@]host[:port]/path`, from the hosts that are listed. Data comes over passive
 * connections to the very address that was checked, whatever address the server names for them.
 *
 * @param hosts see `AddressGuardOptions`
 */
export function openFtpSource(hosts: readonly string[]): ModelSource {
  const guard = openAddressGuard({ hosts, setting: 'MODEL_HOSTS', action: 'fetch model', connections: 1 });
  return {
    async open(location, known, signal) {
      const place = readLocation(location);
      const client = new Client(IDLE_MS);
      const stop = () => client.close();
      signal.addEventListener('abort', stop, { once: true });
      const end = () => {
        signal.removeEventListener('abort', stop);
        client.close();
      };
      try {
        signal.throwIfAborted();
        await connect(client, await guard.addressesFor(place.url), Number(place.url.port || FTP_PORT));
        await client.login(place.user, place.password);
        await client.useDefaultSettings();
        const bytes = await factOf(() => client.size(place.path));
        const modified = await factOf(() => client.lastMod(place.path));
        const validators = validatorsOf(bytes, modified);
        if (known?.etag !== undefined && known.etag === validators.etag) {
          end();
          return 'unchanged';
        }
        const body = download(client, place, bytes).once('close', end);
        return { body, bytes, validators };
      } catch (error) {
        end();
        if (signal.aborted) throw signal.reason;
        throw ftpError(place, error);
      }
    },
  };
}

interface FtpPlace {
  readonly url: URL;
  readonly path: string;
  readonly user: string;
  readonly password: string;
}

/** @throws BoxError `unprocessable` when it is no such URL */
function readLocation(location: string): FtpPlace {
  try {
    const url = new URL(location);
    // Relative to the folder that the login leads to, as RFC 1738 has it.
    const path = decodeURIComponent(url.pathname.slice(1).replace(/;type=[aid]$/i, ''));
    const user = decodeURIComponent(url.username) || 'anonymous';
    const password = decodeURIComponent(url.password) || 'guest';
    // A line break would be a command of its own.
    const isPlain = [path, user, password].every((text) => !/[\r\n\0]/.test(text));
    if (path !== '' && isPlain) return { url, path, user, password };
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof URIError)) throw error;
  }
  throw new BoxError('unprocessable', 'Cannot fetch model: an FTP location is ftp://[user:password@]host[:port]/path');
}

/** Connects to the first address that answers. */
async function connect(client: Client, addresses: readonly string[], port: number): Promise<void> {
  const [first, ...rest] = addresses;
  if (first === undefined) throw new Error('the host has no address');
  try {
    await client.connect(first, port);
  } catch (error) {
    if (rest.length === 0 || error instanceof FTPError) throw error;
    await connect(client, rest, port);
  }
}

/** What a server tells of a file, if it knows the question. */
async function factOf<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof FTPError && UNKNOWN_COMMAND.has(error.code)) return undefined;
    throw error;
  }
}

function validatorsOf(bytes: number | undefined, modified: Date | undefined): Validators {
  return bytes === undefined || modified === undefined ? {} : { etag: `${bytes}-${modified.getTime()}` };
}

/**
 * The file as a stream. It ends only when the server has said that the file is whole: the end of the data connection
 * alone may be a cut.
 */
function download(client: Client, place: FtpPlace, bytes: number | undefined): PassThrough {
  const body = new PassThrough();
  let received = 0;
  const target = new Writable({
    write(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (body.write(chunk)) done();
      else body.once('drain', done);
    },
  });
  client
    .downloadTo(target, place.path)
    .then(() => {
      if (bytes === undefined || received === bytes) return body.end();
      const text = `Cannot fetch model from ${place.url.host}: the file must have ${bytes} bytes, got ${received}`;
      throw new BoxError('unavailable', text);
    })
    .catch((error: unknown) => body.destroy(ftpError(place, error)));
  return body;
}

function ftpError({ url, path }: FtpPlace, error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  const code = error instanceof FTPError ? error.code : 0;
  const text = `Cannot fetch model from ${url.host}: ${path}: ${errorText(error)}`;
  if (code === 550) return new BoxError('not_found', text, { cause: error });
  if (LOGIN_REFUSED.has(code)) return new BoxError('permission_denied', text, { cause: error });
  return new BoxError('unavailable', text, { cause: error });
}
