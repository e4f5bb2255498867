// Preloaded into a process (`--import`), and by that into its worker threads: every try to reach or to look up what is not
// this machine is refused and written to the file OUTBOUND_FILE. It sees what goes through Node's own modules.
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { BlockList, isIP, Socket } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

type Method = (...args: unknown[]) => unknown;

function isHere(host: unknown): boolean {
  if (host === undefined || host === null || host === '' || host === 'localhost') return true;
  const family = isIP(String(host));
  return family !== 0 && LOOPBACK.check(String(host), family === 6 ? 'ipv6' : 'ipv4');
}

/** Puts a check before a method: the host that a call is for, undefined where it is for none. */
function watch(owner: object, name: string, hostOf: (args: readonly unknown[]) => unknown): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== 'function') throw new Error(`Cannot watch ${name}: there is no such method`);
  const checked: Method = function (this: unknown, ...args) {
    const host = hostOf(args);
    if (isHere(host)) return Reflect.apply(original, this, args);
    appendFileSync(process.env.OUTBOUND_FILE ?? '', `${name} ${String(host)}\n`);
    throw new Error(`${name} ${String(host)} is refused by the test`);
  };
  Reflect.set(owner, name, checked);
}

/** The host of `connect(options)`, `connect(port, host)` and of the normalised list that Node's own callers give. */
function hostOfConnect([first, second]: readonly unknown[]): unknown {
  const given: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof given !== 'object' || given === null) return typeof second === 'string' ? second : undefined;
  return 'path' in given && given.path ? undefined : 'host' in given ? given.host : undefined;
}

watch(Socket.prototype, 'connect', hostOfConnect);
watch(dgram.Socket.prototype, 'connect', ([, address]) => (typeof address === 'string' ? address : undefined));
watch(dgram.Socket.prototype, 'send', (args) => args.findLast((arg) => typeof arg === 'string'));
for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(owner)) {
    if (/^(lookup|resolve|reverse)/.test(name)) watch(owner, name, ([host]) => host);
  }
}
syncBuiltinESMExports();
