import assert from 'node:assert/strict';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type S3Options, type S3Server, startMinio } from '../../../local/server/minio.ts';
import { startVersitygw } from '../../../local/server/versitygw.ts';
import { sharedMinio, sharedVersitygw, temporaryFolder, uniqueName } from '../../support/servers.ts';

interface S3Kind {
  readonly name: string;
  readonly shared: () => Promise<S3Server>;
  readonly start: (options: S3Options) => Promise<S3Server>;
}

const KINDS: readonly S3Kind[] = [
  { name: 'startMinio', shared: sharedMinio, start: startMinio },
  { name: 'startVersitygw', shared: sharedVersitygw, start: startVersitygw },
];

function clientOf(server: S3Server, secretAccessKey = server.secretKey): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey },
  });
}

for (const { name, shared, start } of KINDS) {
  describe(name, () => {
    it('takes an object and gives it back', async () => {
      const client = clientOf(await shared());
      const Bucket = uniqueName();
      await client.send(new CreateBucketCommand({ Bucket }));
      await client.send(new PutObjectCommand({ Bucket, Key: 'a/b', Body: 'hello' }));
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'a/b' }));
      assert.equal(await Body?.transformToString(), 'hello');
      client.destroy();
    });

    it('refuses a wrong secret', async () => {
      const client = clientOf(await shared(), 'not the secret');
      const creating = client.send(new CreateBucketCommand({ Bucket: uniqueName() }));
      await assert.rejects(creating, { name: 'SignatureDoesNotMatch' });
      client.destroy();
    });

    it('keeps its objects over a kill and a new start on the same port', async () => {
      const dataDir = await temporaryFolder('s3');
      const first = await start({ dataDir, secretKey: 'remembered' });
      const Bucket = uniqueName();
      const client = clientOf(first);
      await client.send(new CreateBucketCommand({ Bucket }));
      await client.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'yes' }));
      await first.kill();
      const second = await start({ dataDir, secretKey: 'remembered', port: first.port });
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'kept' }));
        assert.equal(await Body?.transformToString(), 'yes');
      } finally {
        client.destroy();
        await second.stop();
      }
    });
  });
}
