import { readFile } from 'node:fs/promises';

/** Of a second, on every Linux. */
const TICKS = 100;

/** The processor time that a process has taken, all of its threads, in milliseconds; undefined where there is no /proc. */
export async function processorMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in parentheses may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields && ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
}

/** What a process has in memory, in MB; undefined where there is no /proc. */
export async function residentMb(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  const kb = /^VmRSS:\s+(\d+)/m.exec(text ?? '')?.[1];
  return kb === undefined ? undefined : Number(kb) / 1024;
}
