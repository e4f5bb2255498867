import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** The folders of the npm packages that files of a bundle come from. */
export function packageFolders(files: readonly string[]): string[] {
  const folders = files.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? []);
  return [...new Set(folders)];
}

/**
 * A software bill of materials in CycloneDX 1.6 of the packages in `folders`. It has no date, so that the same source
 * makes the same file.
 */
export async function sbom(folders: readonly string[]): Promise<string> {
  const packages = await Promise.all(folders.map(readFacts));
  const components = packages
    .map(({ name, version, license }) => ({
      type: 'library',
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      ...(license && { licenses: [{ expression: license }] }),
    }))
    .toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  return `${JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components }, null, 1)}\n`;
}

async function readFacts(folder: string): Promise<PackageFacts> {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const text = (field: string): string => {
    const value: unknown = Reflect.get(Object(manifest), field);
    return typeof value === 'string' ? value : '';
  };
  return { name: text('name'), version: text('version'), license: text('license') };
}
