import { type Agent, type Dispatcher, request } from 'undici';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { openAddressGuard } from '#lib/net/address-guard.ts';
import type { ModelSource, OpenedFile, Validators } from './source.ts';

const MAX_REDIRECTS = 5;

/** Models over http and https, from the hosts that are listed. Each hop of a redirect is checked like the first. */
export interface HttpSource extends ModelSource {
  close(): Promise<void>;
}

/** @param hosts see `AddressGuardOptions` */
export function openHttpSource(hosts: readonly string[]): HttpSource {
  const guard = openAddressGuard({ hosts, setting: 'MODEL_HOSTS', action: 'fetch model', connections: 4 });
  return {
    async open(location, known, signal) {
      let url = new URL(location);
      for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
        const response = await ask(url, guard.agentFor(url), known, signal);
        const { statusCode } = response;
        if (statusCode === 304) {
          await response.body.dump();
          return 'unchanged';
        }
        if (statusCode === 200) return opened(response);
        await response.body.dump({ limit: 65_536 });
        if (![301, 302, 303, 307, 308].includes(statusCode)) throw refusal(url, statusCode);
        url = redirected(url, one(response.headers.location));
      }
      throw new BoxError('unprocessable', `Cannot fetch model: at most ${MAX_REDIRECTS} redirects, got more`);
    },
    close: () => guard.close(),
  };
}

async function ask(
  url: URL,
  dispatcher: Agent,
  known: Validators | undefined,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(url, {
      dispatcher,
      signal,
      headers: {
        'user-agent': 'thebox',
        accept: '*/*',
        ...(known?.etag && { 'if-none-match': known.etag }),
        ...(known?.lastModified && { 'if-modified-since': known.lastModified }),
      },
    });
  } catch (error) {
    if (error instanceof BoxError) throw error;
    if (signal.aborted) throw signal.reason;
    const code: unknown = error instanceof Error && 'code' in error ? error.code : '';
    const gone = code === 'ENOTFOUND';
    throw new BoxError(
      gone ? 'not_found' : 'unavailable',
      `Cannot fetch model from ${url.host}: ${errorText(error) || code}`,
      { cause: error },
    );
  }
}

function opened({ headers, body }: Dispatcher.ResponseData): OpenedFile {
  const length = one(headers['content-length']);
  const etag = one(headers.etag);
  const lastModified = one(headers['last-modified']);
  return {
    body,
    bytes: length === undefined ? undefined : Number(length),
    validators: { ...(etag && { etag }), ...(lastModified && { lastModified }) },
  };
}

function refusal(url: URL, status: number): BoxError {
  const text = `Cannot fetch model from ${url.host}: ${url.pathname} must answer 200, got ${status}`;
  if (status === 404 || status === 410) return new BoxError('not_found', text);
  if (status === 401 || status === 403) return new BoxError('permission_denied', text);
  return new BoxError('unavailable', text);
}

function redirected(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new BoxError('unprocessable', `Cannot fetch model from ${from.host}: it redirects without saying where`);
  }
  const to = new URL(location, from);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    throw new BoxError('permission_denied', `Cannot fetch model: a redirect must stay on http, got ${to.protocol}`);
  }
  return to;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
