import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Plugin } from 'esbuild';

/** A file that code names relative to itself. */
export interface FoundFile {
  readonly path: string;
  /** Its name in the folder of the bundles. */
  readonly outName: string;
  /** Whether it is a worker to bundle, or data to copy. */
  readonly isCode: boolean;
}

const REFERENCE = /new URL\(\s*(['"])(\.{1,2}\/[^'"\n]+)\1,\s*import\.meta\.url\s*,?\s*\)/g;

/**
 * An esbuild plugin for `new URL('./NAME', import.meta.url)`: a bundle lies elsewhere than its sources, so each file that
 * is named in this way gets a place beside the bundle, and the code the name that it has there. Reports each to `onFound`.
 */
export function filesBesideCode(root: string, onFound: (file: FoundFile) => void): Plugin {
  return {
    name: 'files-beside-code',
    setup({ onLoad }) {
      onLoad({ filter: /\.[mc]?[jt]s$/ }, async ({ path }) => {
        if (path.includes('/node_modules/')) return undefined;
        const source = await readFile(path, 'utf8');
        const contents = source.replace(REFERENCE, (whole, _quote, name: string) => {
          const target = resolve(dirname(path), name);
          if (!existsSync(target)) return whole;
          const isCode = /\.[jt]s$/.test(target);
          const flat = relative(root, target).replaceAll(/[\\/]/g, '-');
          const outName = isCode ? flat.replace(/\.ts$/, '.js') : flat;
          onFound({ path: target, outName, isCode });
          return `new URL('./${outName}', import.meta.url)`;
        });
        return { contents, loader: path.endsWith('ts') ? 'ts' : 'js' };
      });
    },
  };
}
