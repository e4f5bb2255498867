import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** The npm packages that the files of a bundle come from. */
export async function inputPackages(files: readonly string[]): Promise<PackageFacts[]> {
  const folders = new Set<string>();
  for (const file of files) {
    const match = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file);
    if (match) folders.add(match[0]);
  }
  const facts = await Promise.all([...folders].map(readFacts));
  return facts.toSorted((a, b) => `${a.name}@${a.version}`.localeCompare(`${b.name}@${b.version}`, 'en'));
}

/** A software bill of materials in CycloneDX 1.6, without a date, so that the same source makes the same file. */
export async function sbom(packages: readonly PackageFacts[]): Promise<string> {
  const components = packages.map(({ name, version, license }) => ({
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(license && { licenses: [{ expression: license }] }),
  }));
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
