import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const ROOT = new URL('../..', import.meta.url).pathname;

describe('links between the pages', () => {
  const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  for (const page of pages) {
    it(`${page} links only to what is there`, async () => {
      const text = await readFile(join(ROOT, page), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        await assert.doesNotReject(access(join(ROOT, dirname(page), target)), `${page} links to ${target}`);
      }
    });
  }
});
