import { BoxError } from '#lib/error/box-error.ts';
import { sameKey, sentKey } from '#lib/function/api-key.ts';
import type { FunctionRequest } from '#lib/function/route.ts';
import { API_KEY_SECRET, type SecretFiles } from '#lib/secret/secret-files.ts';

/**
 * The check of the older service's routes: 403 without the right key, then 400 without the right version.
 *
 * @throws BoxError `permission_denied`, `invalid_argument`.
 */
export function oldAccess(secrets: SecretFiles, apiVersion: string): (request: FunctionRequest) => Promise<void> {
  return async ({ headers }) => {
    const key = sentKey(headers);
    if (key === undefined || !sameKey(key, await secrets.read(API_KEY_SECRET))) {
      throw new BoxError('permission_denied', 'Cannot call this function: the header API-ACCESS-KEY must hold the key');
    }
    const version = headers['api-version'];
    if (version !== apiVersion) {
      throw new BoxError(
        'invalid_argument',
        `Cannot call this function: the header API-VERSION must be ${apiVersion}, got ${version ?? 'nothing'}`,
      );
    }
  };
}
