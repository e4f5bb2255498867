import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes the folder of logs; those of the last start are kept beside as `NAME.log.1`. */
export async function openLogFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'));
  await Promise.all(logs.map((name) => rename(join(folder, name), join(folder, `${name}.1`))));
}
