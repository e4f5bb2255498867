import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { packageOf } from './native-packages.ts';

interface Unused {
  /** The file that imports it, below node_modules. */
  readonly importer: RegExp;
  /** What it imports, as it writes it. */
  readonly path: RegExp;
}

/**
 * Parts of packages that are loaded with them, and that none of our code uses: memory and time of every start for
 * nothing. With undici's own `fetch` goes Node's, of which it asks for a class.
 */
const UNUSED: readonly Unused[] = [
  { importer: /\/undici\/index\.js$/, path: /^\.\/lib\/(mock|web|cache|interceptor)\// },
  { importer: /\/undici\/index\.js$/, path: /(proxy-agent|retry-agent|h2c-client|balanced-pool|round-robin-pool)$/ },
  { importer: /\/undici\/lib\/dispatcher\/client\.js$/, path: /^\.\/client-h2\.js$/ },
  // Only for exemplars, which are switched on for a metric that wants them: none of ours does.
  { importer: /\/prom-client\/lib\/metrics\/processCpuTotal\.js$/, path: /^@opentelemetry\/api$/ },
];

const NAMESPACE = 'left-out';

/** Any member of what is left out is itself; calling it says so. */
const STAND_IN = `
const name = NAME;
const fail = () => { throw new Error('Cannot use ' + name + ': it is left out of the bundle (image/leave-out.ts)'); };
const none = new Proxy(class LeftOut {}, { get: (target, key) => (key === 'prototype' ? target.prototype : none), apply: fail });
module.exports = none;
`;

/** An esbuild plugin that leaves out what packages load and nothing uses. */
export const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, importer }) => {
      const isUnused = UNUSED.some((unused) => unused.importer.test(importer) && unused.path.test(path));
      if (!isUnused) return undefined;
      const owner = packageOf(importer.split('/node_modules/').at(-1) ?? '');
      return { path: path.startsWith('.') ? join(owner, path) : path, namespace: NAMESPACE };
    });
    onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
      contents: STAND_IN.replace('NAME', JSON.stringify(path)),
      loader: 'js',
    }));
  },
};
