import assert from 'node:assert/strict';
import { sameKey, sentKey } from '#lib/function/api-key.ts';

describe('the key of the appliance', () => {
  it('is told from every other, also from the one that it was before', () => {
    for (const known of ['first', 'second', 'first', '']) {
      for (const sent of ['first', 'second', 'First', 'firs', 'first ', '', 'schlüssel']) {
        assert.equal(sameKey(sent, known), sent === known, `${sent} for ${known}`);
      }
    }
  });

  it('is read from either header, the standard one first', () => {
    assert.equal(sentKey({ authorization: 'bearer  a b' }), 'a b');
    assert.equal(sentKey({ authorization: 'Basic abc', 'api-access-key': 'k' }), 'k');
    assert.equal(sentKey({ authorization: 'Bearer a', 'api-access-key': 'k' }), 'a');
    assert.equal(sentKey({}), undefined);
  });
});
