import assert from 'node:assert/strict';
import { choice, flag, integer, list, optionalText, readConfig, text, url } from '#lib/config/config.ts';
import { BoxError } from '#lib/error/box-error.ts';

const SETTINGS = {
  natsUrl: url('NATS_URL', { doc: 'where NATS is', schemes: ['nats', 'tls'] }),
  timeoutMs: integer('TIMEOUT_MS', { doc: 'patience', fallback: 500, min: 1, max: 1000 }),
  hosts: list('HOSTS', { doc: 'hosts', fallback: [] }),
  level: choice('LEVEL', { doc: 'level', fallback: 'info', of: ['info', 'debug'] as const }),
  fast: flag('FAST', { doc: 'fast', fallback: false }),
  name: text('NAME', { doc: 'name' }),
  user: optionalText('USER_NAME', 'user'),
};

describe('readConfig', () => {
  it('reads typed values and falls back where it may', () => {
    const config = readConfig(SETTINGS, {
      NATS_URL: 'nats://a:4222/',
      NAME: 'x',
      HOSTS: 'a, b,',
      FAST: 'true',
      LEVEL: '',
    });
    assert.deepEqual(config, {
      natsUrl: 'nats://a:4222',
      timeoutMs: 500,
      hosts: ['a', 'b'],
      level: 'info',
      fast: true,
      name: 'x',
      user: undefined,
    });
  });

  it('lists every variable that is missing or wrong, at once', () => {
    assert.throws(
      () => readConfig(SETTINGS, { NATS_URL: 'http://a', TIMEOUT_MS: '5000', LEVEL: 'loud', FAST: 'yes' }),
      (error: unknown) =>
        error instanceof BoxError &&
        JSON.stringify(error.problems.map((p) => p.pointer)) ===
          JSON.stringify(['NATS_URL', 'TIMEOUT_MS', 'LEVEL', 'FAST', 'NAME']) &&
        error.message.includes('NAME must be set: name'),
    );
  });

  it('does not tell a password that stands in a URL which is wrong', () => {
    for (const url of ['http://thebox:s3cret@a', 'thebox:s3cret@a', 'nats//thebox:s3@cret@a']) {
      assert.throws(
        () => readConfig(SETTINGS, { NATS_URL: url, NAME: 'x' }),
        ({ message }: Error) => /NATS_URL must be a URL/.test(message) && !/cret|thebox/.test(message),
      );
    }
  });
});
