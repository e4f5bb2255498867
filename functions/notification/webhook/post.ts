import { request } from 'undici';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { AddressGuard } from '#lib/net/address-guard.ts';
import type { Webhook } from '#lib/scenario/scenario.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import { signatureHeaders } from './sign.ts';

/**
 * Posts one notification to one receiver, once. Resolves when the receiver has taken it (2xx); rejects with a BoxError that
 * says why not, with `retryAfterSeconds` where the receiver asks for it.
 */
export type Post = (webhook: Webhook, id: string, body: string, signal: AbortSignal) => Promise<void>;

/** For the whole of it: a receiver that answers byte by byte would hold its group up for ever. */
const TIMEOUT_MS = 15_000;
const MAX_RETRY_AFTER_SECONDS = 3600;

export function openPost(guard: AddressGuard, secrets: SecretFiles, now: () => number = Date.now): Post {
  return async (webhook, id, body, signal) => {
    const url = new URL(webhook.url);
    const secret = await secrets.read(webhook.secret);
    const signed = signatureHeaders(secret, id, Math.floor(now() / 1000), body);
    const dispatcher = guard.agentFor(url);
    const answer = await ask();
    if (answer.statusCode >= 200 && answer.statusCode < 300) return;
    const retryAfter = secondsOf(answer.headers['retry-after']);
    throw new BoxError('unavailable', `Cannot post to ${url.host}: it answered ${answer.statusCode}`, {
      ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
    });

    async function ask() {
      try {
        // Redirects are not followed: the scenario names the receiver.
        const answer = await request(url, {
          method: 'POST',
          dispatcher,
          headers: {
            'content-type': 'application/json',
            'user-agent': 'thebox',
            'idempotency-key': id,
            ...signed,
          },
          body,
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        });
        await answer.body.dump({ limit: 65_536 });
        return answer;
      } catch (cause) {
        if (cause instanceof BoxError) throw cause;
        throw new BoxError('unavailable', `Cannot post to ${url.host}: ${errorText(cause)}`, { cause });
      }
    }
  };
}

function secondsOf(header: string | string[] | undefined): number | undefined {
  const seconds = Number(typeof header === 'string' ? header : Number.NaN);
  return seconds >= 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) : undefined;
}
