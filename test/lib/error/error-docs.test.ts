import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { HTTP_STATUS } from '#lib/error/http-status.ts';
import { VERDICT } from '#lib/error/verdict.ts';

describe('docs/errors.md', () => {
  it('lists every code with its status and its verdict, and no other', async () => {
    const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| (\w+) \|$/gm)].map(([, code, status, verdict]) => [
      code,
      Number(status),
      verdict,
    ]);
    const table = Object.entries(HTTP_STATUS).map(([code, status]) => [
      code,
      status,
      VERDICT[code as keyof typeof VERDICT],
    ]);
    assert.deepEqual(rows, table);
  });
});
