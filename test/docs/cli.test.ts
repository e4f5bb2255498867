import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { cliPage } from './cli-page.ts';

describe('docs/cli.md', () => {
  it('has every command of box with its arguments, options and defaults', async () => {
    const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    assert.equal(page, cliPage(), 'npm run docs writes it anew');
  });
});
