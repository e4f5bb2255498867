import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { configurationPage } from './configuration-page.ts';

describe('docs/configuration.md', () => {
  it('has every variable of every part with what it means and its default', async () => {
    const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    assert.equal(page, configurationPage(), 'npm run docs writes it anew');
  });
});
