import assert from 'node:assert/strict';
import { readIngestionConfig } from '../../../functions/ingestion/config.ts';

describe('readIngestionConfig', () => {
  it('needs the gateway and NATS alone', () => {
    const config = readIngestionConfig({ GATEWAY_URL: 'http://gateway:8080/', NATS_URL: 'nats://nats:4222' });
    assert.equal(config.gatewayUrl, 'http://gateway:8080');
    assert.equal(config.maxSignalBytes, 10 * 1024 ** 2 - 8192);
    assert.equal(config.s3Endpoint, undefined);
  });

  it('lists everything that is missing or malformed', () => {
    assert.throws(() => readIngestionConfig({ NATS_URL: 'http://nats', MAX_SIGNAL_BYTES: '1k' }), {
      code: 'invalid_argument',
      message:
        /GATEWAY_URL must be set.*NATS_URL must be a URL of scheme nats or tls.*MAX_SIGNAL_BYTES must be a whole number/,
    });
  });
});
