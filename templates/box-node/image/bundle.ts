import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, build } from 'esbuild';
import { asciiOutput } from './ascii-output.ts';
import { type FoundFile, filesBesideCode } from './files-beside-code.ts';
import { lazyImports } from './lazy-imports.ts';
import { leanFetch } from './lean-fetch.ts';
import { leaveOut } from './leave-out.ts';
import { copyNativePackage, NATIVE_PACKAGES, packageOf } from './native-packages.ts';
import { packageFolders, sbom } from './sbom.ts';

/** What CommonJS packages inside of an ES module bundle count on. */
const COMMONJS_NAMES = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { dirname as __pathDirname } from 'node:path';",
  "import { fileURLToPath as __toPath } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __toPath(import.meta.url);',
  'const __dirname = __pathDirname(__filename);',
].join('\n');

const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  metafile: true,
  logLevel: 'warning',
  legalComments: 'linked',
  // Node keeps the text of a bundle in memory. Names stay, for the stack traces in the log.
  minifySyntax: true,
  minifyWhitespace: true,
  banner: { js: COMMONJS_NAMES },
  plugins: [lazyImports, leaveOut, leanFetch, asciiOutput],
} as const satisfies BuildOptions;

/** What bundling found out about a function. */
interface Bundled {
  readonly inputs: readonly string[];
  readonly native: ReadonlySet<string>;
}

/**
 * Makes the files of an image out of a build context (`root`: index.ts, runtime/, function/): the runtime as one file; a
 * function with a handler.ts as one file per thread, with the native packages that it imports, for `arch` alone; any
 * other function as it is.
 */
async function bundleImage(root: string, out: string, arch: string): Promise<void> {
  await mkdir(join(out, 'function'), { recursive: true });
  const runtime = await build({ ...OPTIONS, entryPoints: [join(root, 'index.ts')], outfile: join(out, 'index.js') });
  await writeFile(join(out, 'package.json'), '{"type":"module"}\n');
  const source = join(root, 'function');
  const inputs = Object.keys(runtime.metafile.inputs);
  if (existsSync(join(source, 'handler.ts'))) {
    const bundled = await bundleFunction(source, join(out, 'function'));
    const copied: string[] = [];
    for (const name of bundled.native)
      copied.push(...(await copyNativePackage(name, source, join(out, 'function'), arch)));
    await writeFile(join(out, 'function', 'package.json'), '{"type":"module"}\n');
    await writeFile(
      join(out, 'sbom.cdx.json'),
      await sbom([...packageFolders([...inputs, ...bundled.inputs]), ...copied]),
    );
  } else {
    await copyPlainFunction(source, join(out, 'function'));
  }
  await makeReadable(out);
}

/** Bundles handler.ts, and each worker that the code starts, as files side by side. */
async function bundleFunction(source: string, out: string): Promise<Bundled> {
  const done = new Set<string>();
  const native = new Set<string>();
  const inputs: string[] = [];
  const queue: FoundFile[] = [{ path: join(source, 'handler.ts'), outName: 'handler.js', isCode: true }];
  for (let entry = queue.shift(); entry; entry = queue.shift()) {
    if (done.has(entry.path)) continue;
    done.add(entry.path);
    const outfile = join(out, entry.outName);
    if (!entry.isCode) {
      await cp(entry.path, outfile);
      continue;
    }
    const plugins = [...OPTIONS.plugins, filesBesideCode(source, (found) => queue.push(found))];
    const external = [...NATIVE_PACKAGES.keys()];
    const { metafile } = await build({ ...OPTIONS, entryPoints: [entry.path], outfile, external, plugins });
    inputs.push(...Object.keys(metafile.inputs));
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
    for (const name of imports.map(({ path }) => packageOf(path))) if (NATIVE_PACKAGES.has(name)) native.add(name);
  }
  return { inputs, native };
}

/** Bundles programs that are no functions, such as the connector: each as `NAME.js`, with one bill of materials for all. */
async function bundlePrograms(root: string, programs: readonly string[], out: string): Promise<void> {
  const entryPoints = programs.map((program) => {
    const [name, path = name] = program.split('=');
    return { in: join(root, path ?? ''), out: name ?? '' };
  });
  const { metafile } = await build({ ...OPTIONS, entryPoints, outdir: out });
  await writeFile(join(out, 'package.json'), '{"type":"module"}\n');
  await writeFile(
    join(out, 'sbom.cdx.json'),
    await sbom(packageFolders(Object.keys(metafile.inputs).map((path) => resolve(path)))),
  );
  await makeReadable(out);
}

/** A function in plain JavaScript: its packages are installed in the image, on the platform where they run. */
async function copyPlainFunction(source: string, out: string): Promise<void> {
  await cp(source, out, { recursive: true, filter: (path) => path !== join(source, 'node_modules') });
  await writeFile(join(out, '.install'), '');
}

/** faas-cli makes the folders of a build context readable for their owner alone; the function runs as another user. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue;
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
}

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: '.' },
    out: { type: 'string', default: 'out' },
    arch: { type: 'string', default: process.arch },
    // Programs instead of the function: `--program NAME=PATH`, as often as there are some.
    program: { type: 'string', multiple: true },
  },
});
const [from, to] = [resolve(values.root), resolve(values.out)];
if (values.program) await bundlePrograms(from, values.program, to);
else await bundleImage(from, to, values.arch === 'amd64' ? 'x64' : values.arch);
