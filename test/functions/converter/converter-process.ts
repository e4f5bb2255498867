import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startFunction } from '../../../local/supervisor/function-process.ts';
import { readStackFile } from '../../../local/supervisor/stack-file.ts';
import { findPythonOf } from '../../../setup/python-environment.ts';
import { temporaryFolder } from '../../support/servers.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** The folder of the small graphs. */
export const GRAPHS = join(import.meta.dirname, 'graphs');

export interface ConverterProcess {
  readonly url: string;
  close(): Promise<void>;
}

/** The function `converter` as a process, as the appliance on one machine starts it. */
export async function startConverter(key: string, env: Record<string, string> = {}): Promise<ConverterProcess> {
  const python = findPythonOf('converter', process.env);
  if (python === undefined) throw new Error('The Python environment of the converter is not there: npm test makes it');
  const [definition] = await readStackFile(join(ROOT, 'stack.converter.yml'), {});
  if (definition === undefined) throw new Error('stack.converter.yml has no function');
  const folder = await temporaryFolder('converter');
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets', 'box-api-key'), key);
  const started = startFunction({
    definition,
    templates: join(ROOT, 'templates'),
    environment: { PATH: process.env.PATH ?? '', SECRETS_DIR: join(folder, 'secrets'), ...env },
    program: [python, '-u', join(definition.handler, 'index.py')],
  });
  await started.ready;
  return { url: started.deployed.origin, close: () => started.process.stop() };
}
