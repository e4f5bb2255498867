import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { HTTP_STATUS } from '#lib/error/http-status.ts';
import { problemDetails } from '#lib/error/problem-details.ts';
import { VERDICT } from '#lib/error/verdict.ts';

describe('error tables', () => {
  it('give every code one HTTP status and one verdict', () => {
    assert.deepEqual(Object.keys(HTTP_STATUS).sort(), Object.keys(VERDICT).sort());
    for (const status of Object.values(HTTP_STATUS)) assert.ok(status >= 400 && status < 600);
  });

  it('keep what a caller sends wrong out of the retries', () => {
    for (const [code, status] of Object.entries(HTTP_STATUS)) {
      const verdict = VERDICT[code as keyof typeof VERDICT];
      if (status === 503 || status === 429) assert.equal(verdict, 'retry', code);
      if (status === 400 || status === 422) assert.equal(verdict, 'dead', code);
    }
  });
});

describe('problemDetails', () => {
  it('tells code, message and every problem, and hides the cause', () => {
    const error = new BoxError('invalid_argument', 'Cannot read x: it must be y', {
      cause: new Error('secret detail'),
      problems: [{ pointer: '/a/0', message: 'must be text' }],
      facts: { limit: 3 },
    });
    assert.deepEqual(problemDetails(error), {
      limit: 3,
      type: 'urn:thebox:error:invalid_argument',
      title: 'invalid argument',
      status: 400,
      detail: 'Cannot read x: it must be y',
      code: 'invalid_argument',
      errors: [{ pointer: '/a/0', detail: 'must be text' }],
    });
  });

  it('turns what is not a BoxError into internal without its text', () => {
    const error = BoxError.from(new TypeError('reading private things'));
    assert.equal(error.code, 'internal');
    assert.ok(!JSON.stringify(problemDetails(error)).includes('private'));
    assert.ok(error.cause instanceof TypeError);
  });
});
