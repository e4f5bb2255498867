import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * How often something found no way out of this process's network namespace. The kernel counts it for the namespace, whoever
 * tried: JavaScript, native code or another process in it.
 */
export async function sentOut(): Promise<number> {
  const [head = [], values = []] = (await readFile('/proc/self/net/snmp', 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '));
  // A kernel without IPv6 has no such file.
  const text = existsSync('/proc/self/net/snmp6') ? await readFile('/proc/self/net/snmp6', 'utf8') : '';
  const six = /^Ip6OutNoRoutes\s+(\d+)/m.exec(text)?.[1];
  return Number(values[head.indexOf('OutNoRoutes')]) + Number(six ?? 0);
}
