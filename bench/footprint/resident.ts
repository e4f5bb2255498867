import { readFile } from 'node:fs/promises';

/** What a process holds in memory, in MB. */
export interface Resident {
  /** All pages that it has there. */
  readonly rss: number;
  /** With pages that processes share counted once among them. */
  readonly pss: number;
}

/** Reads what the process holds at the moment. */
export async function residentOf(pid: number): Promise<Resident> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]);
  return { rss: (kib('Rss') * 1024) / 1e6, pss: (kib('Pss') * 1024) / 1e6 };
}

/** The most that it has held at any one time since its start, in MB. */
export async function peakOf(pid: number): Promise<number> {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / 1e6;
}
