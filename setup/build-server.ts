import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cachedServer, cacheFolder, findOnPath, type ServerName, serverPin } from './find-server.ts';
import { runToEnd } from './run-to-end.ts';

/**
 * Builds the pinned version of a server with `go install` into the user's cache folder.
 *
 * @throws Error with what to do, when Go is missing or the build fails.
 */
export async function buildServer(
  name: ServerName,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  const { module, version, minutes } = serverPin(name);
  const go = findOnPath('go', env, ['/usr/local/go/bin', '/usr/lib/go/bin']);
  if (go === undefined) {
    throw new Error(
      `Cannot build ${name}: Go 1.21 or later must be installed, got none on PATH (or put ${name} on PATH yourself)`,
    );
  }
  say(`building ${name} ${shortVersion(version)} (about ${minutes} min, once)…`);
  // Built beside its place and renamed into it: a build that was cut off leaves no half binary there.
  const target = cachedServer(name, env);
  const folder = await mkdtemp(join(cacheFolder(env), `${name}-building-`));
  try {
    // Without cgo, so that no C compiler is needed. An older Go fetches the toolchain that a module asks for by itself.
    const goEnv = { ...env, GOBIN: folder, GOFLAGS: '-trimpath', CGO_ENABLED: '0' };
    const built = await runToEnd(go, ['install', `${module}@${version}`], goEnv);
    if (built.status !== 0) {
      throw new Error(`Cannot build ${name}: go install must end with 0, got ${built.status}\n${built.output}`);
    }
    await mkdir(dirname(target), { recursive: true });
    await rename(join(folder, name), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function shortVersion(version: string): string {
  return /^v0\.0\.0-(\d{8})/.exec(version)?.[1] ?? version;
}
