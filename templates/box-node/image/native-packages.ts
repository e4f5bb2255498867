import { existsSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

interface NativePackage {
  /** Dependencies that only its install script needs. */
  readonly leaveOut: readonly string[];
  /** Whether a file of the package, as a path with `/`, is needed to run on linux and `arch`. */
  needs(file: string, arch: string): boolean;
}

/** What Swagger UI's page is made of; the package has twelve megabytes of other builds. */
const SWAGGER_UI = ['package.json', 'absolute-path.js', 'swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE'];

/** The packages that cannot be bundled, because they load shared libraries or are read as files that lie beside their code. */
export const NATIVE_PACKAGES: ReadonlyMap<string, NativePackage> = new Map<string, NativePackage>([
  [
    'onnxruntime-node',
    {
      leaveOut: ['adm-zip', 'global-agent'],
      // All platforms come in the one package: 290 MB, of which 25 (arm64) or 45 (x64) are ours.
      needs: (file, arch) => {
        const [top, , system, cpu] = file.split('/');
        if (top === 'bin') return (system ?? 'linux') === 'linux' && (cpu ?? arch) === arch;
        return top === 'dist' || file === 'package.json';
      },
    },
  ],
  ['sharp', { leaveOut: [], needs: () => true }],
  ['swagger-ui-dist', { leaveOut: ['@scarf/scarf'], needs: (file) => SWAGGER_UI.includes(file) }],
]);

/**
 * Copies a native package and what it needs from the node_modules of `source` to that of `out`.
 * Only the packages of the image's platform are there to copy: npm was told which to install.
 * @returns the folders of the packages that were copied
 */
export async function copyNativePackage(name: string, source: string, out: string, arch: string): Promise<string[]> {
  const seen = new Set<string>();
  const queue = [name];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const from = join(source, 'node_modules', next);
    if (seen.has(next) || !existsSync(from)) continue;
    seen.add(next);
    const native = NATIVE_PACKAGES.get(next);
    const isNeeded = (path: string): boolean => {
      const file = relative(from, path).split(sep).join('/');
      if (/\.(d\.[mc]?ts|map|md)$/.test(file)) return false;
      return file === '' || !native || native.needs(file, arch);
    };
    await cp(from, join(out, 'node_modules', next), { recursive: true, dereference: true, filter: isNeeded });
    const dependencies = await dependenciesOf(from);
    queue.push(...dependencies.filter((dependency) => !native?.leaveOut.includes(dependency)));
  }
  if (!seen.has(name))
    throw new Error(`Cannot put ${name} into the image: it is imported, but not among the dependencies`);
  return [...seen].map((copied) => join(out, 'node_modules', copied));
}

/** The package that an import is of: `sharp` of `sharp/lib/index.js`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

async function dependenciesOf(folder: string): Promise<string[]> {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  return ['dependencies', 'optionalDependencies'].flatMap((field) => {
    const names: unknown = Reflect.get(Object(manifest), field);
    return Object.keys(Object(names));
  });
}
