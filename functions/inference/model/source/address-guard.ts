import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { BoxError } from '#lib/error/box-error.ts';

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

/** Which hosts may be fetched from. */
export interface HostRules {
  /**
   * Whether the host may be asked at all, and if so whether its addresses may be private.
   *
   * @throws BoxError `permission_denied` for a host that no rule names
   */
  check(host: string, port: string): 'public only' | 'any address';
}

/**
 * Rules from a list of `host`, `host:port`, `*.domain`, an address, and `*` for every host of the public Internet. A
 * host that is named itself may have a private address; one that only `*` lets through may not.
 */
export function openHostRules(rules: readonly string[]): HostRules {
  const named = rules.filter((rule) => rule !== '*').map((rule) => rule.toLowerCase());
  const matches = (rule: string, host: string, port: string): boolean => {
    if (rule.startsWith('*.')) return host.endsWith(rule.slice(1));
    return rule === host || rule === `${host}:${port}`;
  };
  return {
    check(host, port) {
      const bare = host.toLowerCase().replace(/\.$/, '');
      if (named.some((rule) => matches(rule, bare, port))) return 'any address';
      if (rules.includes('*')) return 'public only';
      throw new BoxError(
        'permission_denied',
        `Cannot fetch model: its host must be listed in MODEL_HOSTS, got ${JSON.stringify(bare)}`,
      );
    },
  };
}

function refused(host: string, address: string): BoxError {
  return new BoxError(
    'permission_denied',
    `Cannot fetch model: a host with a private address must be listed in MODEL_HOSTS by name, got ${JSON.stringify(host)} (${address})`,
  );
}

/**
 * Checks a host that is written as an address: no name is looked up for it, so the guarded look-up never sees it.
 *
 * @throws BoxError `permission_denied` for a private address.
 */
export function checkLiteralAddress(host: string): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0 && !isPublicAddress(address)) throw refused(host, address);
}

/**
 * A DNS look-up that hands the socket public addresses alone. The connection is made to the very address that was
 * checked, so a name that changes its address between check and use gains nothing.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const addresses = error ? [] : found;
    const hidden = addresses.find(({ address }) => !isPublicAddress(address));
    const first = addresses[0];
    if (error || first === undefined) return callback(error ?? new Error(`${hostname} has no address`), '', 4);
    if (hidden) return callback(refused(hostname, hidden.address), '', 4);
    if (options.all) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};
