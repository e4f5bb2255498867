import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { isPublicAddress, openAddressGuard } from '#lib/net/address-guard.ts';

const open = (hosts: string[]) => openAddressGuard({ hosts, setting: 'HOSTS', action: 'post', connections: 1 });

describe('isPublicAddress', () => {
  it('knows the addresses that are not the public Internet', () => {
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
      '192.168.0.1',
      '::1',
      'fe80::1',
      '::ffff:10.0.0.1',
    ])
      assert.equal(isPublicAddress(address), false, address);
    for (const address of ['1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])
      assert.equal(isPublicAddress(address), true, address);
  });
});

describe('openAddressGuard', () => {
  it('refuses a private address that is not listed, however it is written', async () => {
    const guard = open(['*']);
    for (const url of ['http://127.0.0.1/', 'http://[::1]/', 'http://0x7f000001/', 'http://2130706433/']) {
      assert.throws(() => guard.agentFor(new URL(url)), { code: 'permission_denied', message: /HOSTS by name/ }, url);
    }
    await guard.close();
  });

  it('refuses a name that leads to a private address when the connection is made', async () => {
    const guard = open(['*']);
    const url = new URL('http://localhost:1/');
    await assert.rejects(request(url, { dispatcher: guard.agentFor(url) }), { code: 'permission_denied' });
    await guard.close();
  });

  it('refuses a host that no rule names', async () => {
    const guard = open(['example.org', '*.example.com']);
    assert.throws(() => guard.agentFor(new URL('http://example.net/')), { message: /must be listed in HOSTS/ });
    assert.throws(() => guard.agentFor(new URL('http://example.com/')), { message: /must be listed in HOSTS/ });
    assert.ok(guard.agentFor(new URL('http://a.example.com/')));
    await guard.close();
  });

  it('lets a listed host have a private address', async () => {
    const server = createServer((_, response) => response.end('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const guard = open([`127.0.0.1:${port}`]);
    const url = new URL(`http://127.0.0.1:${port}/`);
    const { body } = await request(url, { dispatcher: guard.agentFor(url) });
    assert.equal(await body.text(), 'here');
    await guard.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('gives the addresses to connect to for what is not HTTP, by the same rules', async () => {
    const listed = open(['localhost', '127.0.0.1:21']);
    const addresses = await listed.addressesFor(new URL('ftp://localhost/'));
    assert.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'), String(addresses));
    assert.deepEqual(await listed.addressesFor(new URL('ftp://127.0.0.1/')), ['127.0.0.1']);
    await assert.rejects(listed.addressesFor(new URL('ftp://127.0.0.1:2121/')), { code: 'permission_denied' });
    await listed.close();
    const anyPublic = open(['*']);
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      await assert.rejects(anyPublic.addressesFor(new URL(`ftp://${host}/`)), { code: 'permission_denied' }, host);
    }
    await anyPublic.close();
  });
});
