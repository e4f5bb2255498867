import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { BoxError } from '#lib/error/box-error.ts';
import type { ImageFolders } from '../../local/appliance.ts';
import { readStackFile } from '../../local/supervisor/stack-file.ts';
import { runToEnd } from '../../setup/run-to-end.ts';

/** Makes in `folder` what the images of the functions and of the connector hold, as their Dockerfiles do. */
export async function bundleImages(root: string, folder: string): Promise<ImageFolders> {
  const stack = await readStackFile(join(root, 'stack.yml'), {});
  const functions = new Map<string, string>();
  for (const { name, handler } of stack) {
    const context = join(folder, 'context', name);
    await cp(join(root, 'templates/box-node'), context, { recursive: true });
    await cp(handler, join(context, 'function'), { recursive: true });
    await addSources(root, join(context, 'function'), ['lib']);
    functions.set(name, join(folder, name));
    await bundle(root, context, ['--out', join(folder, name), '--arch', process.arch]);
  }
  const context = join(folder, 'context', 'connector');
  await mkdir(context, { recursive: true });
  await addSources(root, context, ['lib', 'connector']);
  await bundle(root, context, ['--out', join(folder, 'connector'), '--program', 'connector=connector/main.ts']);
  return {
    functions,
    connector: join(folder, 'connector', 'connector.js'),
    environment: await imageEnvironment(root),
    connectorEnvironment: { NODE_OPTIONS: await connectorNodeOptions(root) },
  };
}

async function addSources(root: string, context: string, folders: readonly string[]): Promise<void> {
  for (const source of folders) await cp(join(root, source), join(context, source), { recursive: true });
  await cp(join(root, 'package.json'), join(context, 'package.json'));
  await symlink(join(root, 'node_modules'), join(context, 'node_modules'));
}

async function bundle(root: string, context: string, args: readonly string[]): Promise<void> {
  const script = join(root, 'templates/box-node/image/bundle.ts');
  const command = [script, '--root', context, ...args];
  const { status, output } = await runToEnd(process.execPath, command, process.env);
  if (status !== 0) throw new BoxError('internal', `Cannot bundle ${context}: ${output}`);
}

async function connectorNodeOptions(root: string): Promise<string> {
  const compose = parse(await readFile(join(root, 'compose.yaml'), 'utf8'), { merge: true });
  return String(compose.services.connector.environment.NODE_OPTIONS);
}

/** What the images set for the C library; the connector's says the same. */
async function imageEnvironment(root: string): Promise<Record<string, string>> {
  const dockerfile = await readFile(join(root, 'templates/box-node/Dockerfile'), 'utf8');
  return Object.fromEntries(
    [...dockerfile.matchAll(/\b(MALLOC_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  );
}
