import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { readOrchestratorConfig } from '../../../functions/orchestrator/config.ts';
import { open } from '../../../functions/orchestrator/handler.ts';

describe('readOrchestratorConfig', () => {
  const env = { COUCHDB_URL: 'http://couchdb:5984/', GATEWAY_URL: 'http://gateway:8080', NATS_URL: 'nats://nats:4222' };

  it('needs the addresses alone', () => {
    const config = readOrchestratorConfig(env);
    assert.equal(config.couchdbUrl, 'http://couchdb:5984');
    assert.equal(config.couchdbUser, undefined);
    assert.equal(config.secretsDir, '/var/openfaas/secrets');
  });

  it('tells of every variable that is missing or malformed at once', () => {
    const wrong = { COUCHDB_URL: 'couchdb', APPLY_WAIT_MS: 'soon', LOG_LEVEL: 'loud' };
    assert.throws(
      () => readOrchestratorConfig(wrong),
      (error: unknown) => {
        assert.ok(error instanceof BoxError);
        const variables = error.problems.map(({ pointer }) => pointer);
        assert.deepEqual(variables, ['COUCHDB_URL', 'GATEWAY_URL', 'NATS_URL', 'APPLY_WAIT_MS', 'LOG_LEVEL']);
        return true;
      },
    );
  });

  it('the function does not start without the secrets that it needs', async () => {
    const secrets = { ...env, SECRETS_DIR: '/nowhere', LOG_LEVEL: 'silent' };
    await assert.rejects(open(secrets), /secret box-api-key/);
    await assert.rejects(open({ ...secrets, COUCHDB_USER: 'thebox' }), /secret couchdb-password/);
    await assert.rejects(open({ ...secrets, NATS_USER: 'thebox' }), /secret nats-password/);
  });
});
