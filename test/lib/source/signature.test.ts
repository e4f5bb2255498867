import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { readSignatureClaim, type SignatureClaim, verifySignature } from '#lib/source/signature.ts';
import { temporaryFolder } from '../../support/servers.ts';

/** The example of the specification's own libraries. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const CLAIM: SignatureClaim = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const BODY = Buffer.from('{"test": 2432232314}');
const AT_MS = 1614265330_000;

describe('verifySignature', () => {
  let secrets: SecretFiles;

  before(async () => {
    const folder = await temporaryFolder('signature');
    await writeFile(join(folder, 'source-a'), SECRET);
    await writeFile(join(folder, 'source-short'), 'short');
    secrets = openSecretFiles(folder);
  });

  const check = (claim: Partial<SignatureClaim>, atMs = AT_MS, secret = 'source-a') =>
    verifySignature({ ...CLAIM, ...claim }, BODY, { hmac_secret: secret }, secrets, atMs);

  it('takes the example of Standard Webhooks, also beside signatures of other keys', async () => {
    assert.deepEqual(await check({}), { proof: 'hmac-sha256', id: CLAIM.id });
    const other = `v1,${Buffer.alloc(32).toString('base64')} v1a,AAAA v9,x ${CLAIM.signature}`;
    assert.deepEqual(await check({ signature: other }), { proof: 'hmac-sha256', id: CLAIM.id });
  });

  it('takes it within five minutes, before and after', async () => {
    for (const seconds of [-300, 300]) assert.ok(await check({}, AT_MS + seconds * 1000));
    for (const seconds of [-301, 301]) {
      await assert.rejects(check({}, AT_MS + seconds * 1000), { code: 'unauthenticated', message: /within 300 s/ });
    }
  });

  it('refuses what is not of its form', async () => {
    const bad: Partial<SignatureClaim>[] = [
      { id: '' },
      { id: 'a b' },
      { id: 'x'.repeat(201) },
      { timestamp: '' },
      { timestamp: '1614265330.0' },
      { signature: '' },
      { signature: CLAIM.signature.replace('v1,', '') },
      { signature: CLAIM.signature.slice(0, -4) },
    ];
    for (const claim of bad) await assert.rejects(check(claim), { code: 'unauthenticated' }, JSON.stringify(claim));
  });

  it('cannot tell without the secret, or with one that protects nothing', async () => {
    await assert.rejects(check({}, AT_MS, 'source-none'), { code: 'unavailable' });
    await assert.rejects(check({}, AT_MS, 'source-short'), { code: 'unavailable' });
  });

  it('is not asked where there is no claim; a part of one is a claim', () => {
    assert.equal(
      readSignatureClaim(() => undefined),
      undefined,
    );
    const claim = readSignatureClaim((name) => (name === 'webhook-id' ? 'a' : undefined));
    assert.deepEqual(claim, { id: 'a', timestamp: '', signature: '' });
  });
});
