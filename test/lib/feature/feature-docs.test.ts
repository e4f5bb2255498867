import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { PARAM_DOCS } from '#lib/feature/compile-feature.ts';
import { SOURCE_DOCS } from '#lib/feature/source.ts';
import { STEPS } from '#lib/feature/step-table.ts';

/** The table below a heading: first cell without its backquotes, second cell. */
function table(page: string, heading: string): [string, string][] {
  const section = page.split(new RegExp(`^#+ ${heading}$`, 'm'))[1]?.split(/^#/m)[0] ?? '';
  return [...section.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(([, name, text]) => [name ?? '', text ?? '']);
}

describe('docs/features.md', () => {
  let page: string;
  before(async () => {
    page = await readFile(new URL('../../../docs/features.md', import.meta.url), 'utf8');
  });

  it('has every source and param, in the words of the code', () => {
    assert.deepEqual(table(page, 'from'), Object.entries(SOURCE_DOCS));
    assert.deepEqual(table(page, 'Params of every feature'), Object.entries(PARAM_DOCS));
  });

  it('has every step in the order in which they run, with its options', () => {
    assert.deepEqual(
      table(page, 'Steps'),
      STEPS.map(({ name, doc }) => [name, doc]),
    );
    for (const { name, options } of STEPS) {
      if (Object.keys(options).length > 0) assert.deepEqual(table(page, name), Object.entries(options), name);
    }
  });
});
