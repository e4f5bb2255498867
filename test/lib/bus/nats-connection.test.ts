import assert from 'node:assert/strict';
import { connectNats, natsAddresses } from '#lib/bus/nats-connection.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

const PASSWORD = 'p@ss:w/rd ä';

describe('connectNats', () => {
  let nats: NatsServer;

  before(async () => {
    nats = await startNats({ dataDir: await temporaryFolder('login'), user: 'thebox', password: PASSWORD });
  });

  after(() => nats.stop());

  const connects = async (url: string, login: { user?: string; password?: string } = {}) => {
    const connection = await connectNats({ url, name: 'test', ...login });
    await connection.close();
  };
  const withLogin = (login: string) => nats.url.replace('//', `//${login}@`);

  it('takes the login from the URL, from one of several too, or from its options, which win', async () => {
    const login = `thebox:${encodeURIComponent(PASSWORD)}`;
    await connects(withLogin(login));
    await connects(`${nats.url}, ${withLogin(login)}`);
    await connects(withLogin(login).replace('nats://', ''));
    await connects(nats.url, { user: 'thebox', password: PASSWORD });
    await connects(withLogin('somebody:else'), { user: 'thebox', password: PASSWORD });
  });

  it('refuses without a login or with another, and never says what it was', async () => {
    for (const url of [nats.url, withLogin('thebox:secret'), withLogin('a-token')]) {
      await assert.rejects(connects(url), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'unavailable');
        assert.doesNotMatch(error.message, /secret|a-token/);
        return true;
      });
    }
  });

  it('refuses a login that is not written as URLs have it, and does not say it', async () => {
    await assert.rejects(
      connects(withLogin('thebox:100%secret')),
      /^BoxError: Cannot use NATS server: a % in the user or password of its URL must be written %25$/,
    );
  });

  it('natsAddresses leaves out the login, however it is written', () => {
    assert.equal(natsAddresses('nats://a:p/w@d@h:1, token@h2:2,nats://h3'), 'nats://h:1,h2:2,nats://h3');
  });
});
