import assert from 'node:assert/strict';
import { parseForm } from '../../templates/box-node/runtime/form.ts';

describe('parseForm', () => {
  it('takes names apart at their brackets, and those whose brackets do not match as they stand', () => {
    assert.deepEqual(parseForm('a[b][c]=1&a[d][]=2&a[d][]=3'), { a: { b: { c: '1' }, d: ['2', '3'] } });
    for (const name of ['[a]', 'a[', 'a]', 'a[b', 'a]b[c]', 'a[b]c', 'a[b]c]', 'a[[b]]', 'a[b][', '']) {
      assert.deepEqual(parseForm(`${encodeURIComponent(name)}=1`), { [name]: '1' }, name);
    }
    assert.deepEqual(parseForm('__proto__[x]=1&a[__proto__][x]=1'), {});
  });

  it('refuses names that nest too deep, however long they are', () => {
    assert.throws(() => parseForm(`a${'[b]'.repeat(33)}=1`), { status: 400 });
    assert.throws(() => parseForm(`a${'[b]'.repeat(3_000_000)}=1`), { status: 400 });
    assert.ok(parseForm(`a${'[b]'.repeat(32)}=1`));
  });
});
