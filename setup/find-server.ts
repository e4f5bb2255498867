import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pins from './servers.json' with { type: 'json' };

/** The servers that are one binary, built from their Go module when the machine has none. */
export type ServerName = keyof typeof pins;

interface ServerPin {
  /** The Go package of its command. */
  readonly module: string;
  readonly version: string;
  /** The oldest version that serves when it is found on PATH; without it any does. */
  readonly leastOnPath?: string;
  /** About how long the build takes on two cores. */
  readonly minutes: number;
}

/** The pinned version of a server. */
export function serverPin(name: ServerName): ServerPin {
  return pins[name];
}

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(pins, name);
}

/** The folder of what is built once for every clone of this user. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'thebox');
}

/** Where the pinned version of a server lies once it is built. */
export function cachedServer(name: ServerName, env: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), `${name}-${pins[name].version}`, name);
}

/** The path of a server's binary: on PATH when its version suffices, else in the cache, else undefined. */
export async function findServer(name: ServerName, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const onPath = findOnPath(name, env);
  if (onPath !== undefined && (await suffices(name, onPath))) return onPath;
  const cached = cachedServer(name, env);
  return isExecutable(cached) ? cached : undefined;
}

/** The first executable of that name on PATH or in `more` folders. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv, more: readonly string[] = []): string | undefined {
  const folders = [...(env.PATH ?? '').split(delimiter), ...more].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function suffices(name: ServerName, path: string): Promise<boolean> {
  const least = serverPin(name).leastOnPath;
  if (least === undefined) return true;
  const { stdout } = await promisify(execFile)(path, ['--version']);
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
  return version !== undefined && version.localeCompare(least, 'en', { numeric: true }) >= 0;
}
