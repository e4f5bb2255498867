import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

/** Packages that are large and not needed before somebody asks for what they do; most appliances never do. */
const LAZY_PACKAGES = [
  '@aws-sdk/client-s3',
  '@aws-sdk/s3-request-presigner',
  'sharp',
  'cbor2',
  '@msgpack/msgpack',
  '@lezer/python',
  './onnx-pb.ts',
];

const BUILTIN = 'builtin';
const LAZY = 'lazy';

/**
 * An esbuild plugin that puts off what imports would load at the start of a function.
 *
 * `import … from 'node:NAME'` becomes a `require`: an import of a built-in module reads every property of it, and some of
 * node:http's, node:fs's and node:util's load parts of Node that nothing here uses, 13 MB of memory with Node 24.
 *
 * A package of LAZY_PACKAGES is loaded when a member of it is used for the first time.
 */
export const lazyImports: Plugin = {
  name: 'lazy-imports',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: anyOf(builtinModules, '^node:|') }, ({ path, kind, namespace }) => {
      if (kind === 'require-call' || namespace === BUILTIN) return { path, external: true };
      return { path, namespace: BUILTIN };
    });
    onResolve({ filter: anyOf(LAZY_PACKAGES) }, ({ path, kind, resolveDir, importer }) => {
      if (kind !== 'import-statement' || importer.includes('/node_modules/')) return undefined;
      return { path, namespace: LAZY, pluginData: { resolveDir } };
    });
    onLoad({ filter: /./, namespace: BUILTIN }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
    onLoad({ filter: /./, namespace: LAZY }, ({ path, pluginData }) => ({
      contents: lazyPackage(path),
      resolveDir: pluginData.resolveDir,
    }));
  },
};

/**
 * A module whose members are those of the package once they are asked for. esbuild's namespace of a CommonJS module looks
 * up what the module itself has not in the module's prototype.
 */
function lazyPackage(path: string): string {
  return `
const load = () => require(${JSON.stringify(path)});
const lazy = new Proxy(function () {}, {
  get: (_, key) => load()[key],
  apply: (_, self, args) => Reflect.apply(load(), self, args),
});
module.exports = Object.setPrototypeOf((...args) => lazy(...args), lazy);
`;
}

function anyOf(names: readonly string[], before = ''): RegExp {
  return new RegExp(`${before}^(${names.join('|')})$`);
}
