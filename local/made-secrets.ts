import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The secrets of an appliance on this machine: a folder of files that only their owner may read, made on first use. */
export interface MadeSecrets {
  readonly folder: string;
  /** The secret of that name; when there is none it is made, a random one unless `make` says another. */
  get(name: string, make?: () => string): Promise<string>;
  /** Puts a secret that was decided elsewhere. */
  put(name: string, value: string): Promise<void>;
}

export async function openMadeSecrets(folder: string): Promise<MadeSecrets> {
  await mkdir(folder, { recursive: true, mode: 0o700 });

  async function put(name: string, value: string): Promise<void> {
    // Renamed into its place, so that no reader sees half of it.
    const path = join(folder, name);
    await writeFile(`${path}.new`, value, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  return {
    folder,
    put,
    async get(name, make = randomSecret) {
      const kept = await readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      if (kept.trim() !== '') return kept.trim();
      const made = make();
      await put(name, made);
      return made;
    },
  };
}

function randomSecret(): string {
  return randomBytes(24).toString('hex');
}
