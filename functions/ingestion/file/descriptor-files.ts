import { BoxError } from '#lib/error/box-error.ts';
import { fileLocations, withFiles } from '#lib/feature/referenced-files.ts';
import type { DataDescriptor } from '#lib/scenario/scenario.ts';

/** Files that data descriptors name: vocabularies and weights. */
export interface DescriptorFiles {
  /** @throws BoxError `unprocessable` when there is no such file, `unavailable` when its server does not answer. */
  read(location: string): Promise<Buffer>;
  close(): void;
}

/**
 * The descriptor with its files in their places: JSON, or of a `.txt` the lines.
 *
 * @throws BoxError `unprocessable` for a file that is not there or is none of these, `unavailable`.
 */
export async function loadFiles(descriptor: DataDescriptor, files: DescriptorFiles): Promise<DataDescriptor> {
  const locations = fileLocations(descriptor);
  const contents = await Promise.all(locations.map(async (at) => [at, parse(at, await files.read(at))] as const));
  return withFiles(descriptor, new Map(contents));
}

function parse(location: string, bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  if (location.endsWith('.txt')) return text.replace(/\r?\n$/, '').split(/\r?\n/);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BoxError('unprocessable', `Cannot read ${location}: it must be JSON, or lines of text in a .txt`, {
      cause,
    });
  }
}
