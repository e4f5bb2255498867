import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '../error/box-error.ts';

/** The secret that holds the appliance's own key, which every function asks its callers for. */
export const API_KEY_SECRET = 'box-api-key';

/** How long a secret that was read is believed before its file is looked at again, in milliseconds. */
const FRESH_MS = 2000;

interface Kept {
  value: string;
  modifiedMs: number;
  checkedMs: number;
}

/** Secrets as OpenFaaS hands them to a function: a folder of files, updated in place. */
export interface SecretFiles {
  /**
   * The secret's text without surrounding white space. A change of the file is seen within two seconds.
   *
   * @throws BoxError `unavailable` when there is no such file or it is empty.
   */
  read(name: string): Promise<string>;
}

/** Opens the folder of secrets, `/var/openfaas/secrets` on OpenFaaS. */
export function openSecretFiles(folder: string): SecretFiles {
  const kept = new Map<string, Kept>();
  return {
    async read(name) {
      const known = kept.get(name);
      const now = Date.now();
      if (known && now - known.checkedMs < FRESH_MS) return known.value;
      const path = join(folder, name);
      try {
        const { mtimeMs } = await stat(path);
        const value = known?.modifiedMs === mtimeMs ? known.value : (await readFile(path, 'utf8')).trim();
        if (value === '') throw new Error('the file is empty');
        kept.set(name, { value, modifiedMs: mtimeMs, checkedMs: now });
        return value;
      } catch (cause) {
        throw new BoxError('unavailable', `Cannot read secret ${name}: its file must be in the folder of secrets`, {
          cause,
        });
      }
    },
  };
}
