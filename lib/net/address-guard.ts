import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { Agent } from 'undici';
import { BoxError } from '../error/box-error.ts';

/** Addresses that are not the public Internet's: own machine, own network, link-local, and the rest of RFC 6890. */
const NOT_PUBLIC = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv6');
}

/** Whether an address belongs to the public Internet. An IPv4 address in IPv6 clothes is judged as IPv4. */
export function isPublicAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPublicAddress(mapped);
  return !NOT_PUBLIC.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

export interface AddressGuardOptions {
  /**
   * `host`, `host:port`, `*.domain`, an address, and `*` for every host of the public Internet. A host that is named
   * itself may have a private address; one that only `*` lets through may not.
   */
  readonly hosts: readonly string[];
  /** The variable that lists the hosts, for messages. */
  readonly setting: string;
  /** What is refused, for messages: `fetch model`. */
  readonly action: string;
  /** Connections to one host. */
  readonly connections: number;
}

/** Decides which hosts may be talked to, and hands out what does the talking. */
export interface AddressGuard {
  /**
   * The agent to ask the URL's host with. Where the host must have a public address, that is held to when the connection
   * is made: such a request fails with BoxError `permission_denied`, perhaps as the cause of the client's error.
   *
   * @throws BoxError `permission_denied` for a host that may not be asked.
   */
  agentFor(url: URL): Agent;
  /**
   * The addresses of the URL's host, for what does not speak HTTP. Connect to one of these and not to the name.
   *
   * @throws BoxError `permission_denied` for a host that may not be asked, `not_found` for one that has no address
   */
  addressesFor(url: URL): Promise<readonly string[]>;
  close(): Promise<void>;
}

export function openAddressGuard(options: AddressGuardOptions): AddressGuard {
  const { connections } = options;
  const named = options.hosts.filter((rule) => rule !== '*').map((rule) => rule.toLowerCase());
  const anyAddress = new Agent({ connections });
  const lookup = publicLookup(options);
  const publicOnly = new Agent({ connections, connect: { lookup } });
  /** Whether any address will do; else it must be a public one. */
  const mayBePrivate = (url: URL): boolean => {
    const host = hostOf(url);
    const port = url.port || (DEFAULT_PORTS[url.protocol] ?? '');
    if (named.some((rule) => matches(rule, host, port))) return true;
    if (!options.hosts.includes('*')) throw notListed(host, options);
    // No name is looked up for a host that is written as an address, so the guarded look-up never sees it.
    const address = host.replace(/^\[|\]$/g, '');
    if (isIP(address) !== 0 && !isPublicAddress(address)) throw notPublic(host, address, options);
    return false;
  };
  return {
    agentFor: (url) => (mayBePrivate(url) ? anyAddress : publicOnly),
    async addressesFor(url) {
      const chosen = mayBePrivate(url) ? anyLookup : lookup;
      const address = hostOf(url).replace(/^\[|\]$/g, '');
      return isIP(address) === 0 ? addressesOf(address, chosen, options) : [address];
    },
    async close() {
      await Promise.all([anyAddress.destroy(), publicOnly.destroy()]);
    },
  };
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443', 'ftp:': '21' };

function hostOf(url: URL): string {
  return url.hostname.toLowerCase().replace(/\.$/, '');
}

const anyLookup: LookupFunction = (hostname, options, callback) => dnsLookup(hostname, options, callback);

function addressesOf(host: string, lookup: LookupFunction, { action }: AddressGuardOptions): Promise<string[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, found) => {
      if (error === null) resolve(Array.isArray(found) ? found.map(({ address }) => address) : [found]);
      else if (error instanceof BoxError) reject(error);
      else reject(new BoxError('not_found', `Cannot ${action}: ${error.message}`, { cause: error }));
    });
  });
}

function matches(rule: string, host: string, port: string): boolean {
  if (rule.startsWith('*.')) return host.endsWith(rule.slice(1));
  return rule === host || rule === `${host}:${port}`;
}

function notListed(host: string, { action, setting }: AddressGuardOptions): BoxError {
  const text = `Cannot ${action}: its host must be listed in ${setting}, got ${JSON.stringify(host)}`;
  return new BoxError('permission_denied', text);
}

function notPublic(host: string, address: string, { action, setting }: AddressGuardOptions): BoxError {
  const rule = `a host with a private address must be listed in ${setting} by name`;
  return new BoxError('permission_denied', `Cannot ${action}: ${rule}, got ${JSON.stringify(host)} (${address})`);
}

/**
 * A DNS look-up that hands the socket public addresses alone. The connection is made to the very address that was
 * checked, so a name that changes its address between check and use gains nothing.
 */
function publicLookup(guard: AddressGuardOptions): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      const addresses = error ? [] : found;
      const hidden = addresses.find(({ address }) => !isPublicAddress(address));
      const first = addresses[0];
      if (error || first === undefined) return callback(error ?? new Error(`${hostname} has no address`), '', 4);
      if (hidden) return callback(notPublic(hostname, hidden.address, guard), '', 4);
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
