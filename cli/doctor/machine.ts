import { readFile, statfs } from 'node:fs/promises';
import { bytesText, type Finding } from './finding.ts';

export interface MachineOptions {
  /** The folder that the servers keep their data in. */
  readonly dataFolder: string;
  /** Where the kernel tells of itself, `/` but in tests. */
  readonly root?: string;
}

const HOT_MILLIDEGREES = 80_000;
/** No board of ours started before this was written: a clock that says so has no time yet. */
const EARLIEST = Date.parse('2026-01-01T00:00:00Z');

/** This machine itself: room, memory, file system, clock, heat. To be run where the servers are. */
export async function checkMachine({ dataFolder, root = '/' }: MachineOptions): Promise<Finding[]> {
  const read = (path: string) => readFile(`${root}${path}`, 'utf8').catch(noSuchFile);
  const [memory, mounts, controllers, heat, throttled] = await Promise.all([
    read('proc/meminfo'),
    read('proc/mounts'),
    read('sys/fs/cgroup/cgroup.controllers'),
    read('sys/class/thermal/thermal_zone0/temp'),
    read('sys/devices/platform/soc/soc:firmware/get_throttled'),
  ]);
  return [
    await disk(dataFolder),
    ...fileSystem(mounts, dataFolder),
    ...memoryFindings(memory),
    ...cgroups(controllers),
    ...clock(Date.now()),
    ...warmth(heat, throttled),
  ];
}

async function disk(folder: string): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const share = bavail / blocks;
  const what = `${bytesText(bavail * bsize)} of ${bytesText(blocks * bsize)} free at ${folder}`;
  if (share >= 0.2) return { part: 'disk', state: 'ok', what };
  const action = 'remove samples that are not needed, shorten HISTORY_HOURS, or put data/ on a larger disk';
  return { part: 'disk', state: share < 0.05 ? 'failed' : 'warning', what, action };
}

function fileSystem(mounts: string, folder: string): Finding[] {
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const holds = rows.filter(([, at = '']) => folder === at || folder.startsWith(at.endsWith('/') ? at : `${at}/`));
  const [device = '', , type = '', options = ''] =
    holds.toSorted(([, a = ''], [, b = '']) => b.length - a.length)[0] ?? [];
  if (options.split(',').includes('ro')) {
    const action =
      'a disk that fails is mounted so by the kernel: dmesg has its errors; back up, and take another disk';
    return [{ part: 'disk', state: 'failed', what: `${device} can only be read`, action }];
  }
  if (/^(vfat|exfat|msdos|nfs4?|cifs|smb3|9p|fuse\.)/.test(type)) {
    const action = 'put data/ on ext4 or XFS: servers need owners and a disk that syncs';
    return [{ part: 'disk', state: 'failed', what: `data lies on ${type}`, action }];
  }
  if (device.includes('mmcblk')) {
    const action =
      'an SD card wears out and lies about what it wrote: use an SSD for data/, or install.sh install --sync always';
    return [{ part: 'disk', state: 'warning', what: `data lies on an SD card (${device})`, action }];
  }
  return [];
}

function memoryFindings(meminfo: string): Finding[] {
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? Number.NaN);
  const [total, available] = [kib('MemTotal') * 1024, kib('MemAvailable') * 1024];
  if (Number.isNaN(total)) return [];
  const what = `${bytesText(available)} of ${bytesText(total)} available`;
  if (available > total * 0.1) return [{ part: 'memory', state: 'ok', what }];
  const action = 'lower MODEL_MEMORY_BYTES of inference, or move a part to another machine (docs/kubernetes.md)';
  return [{ part: 'memory', state: 'warning', what, action }];
}

/** Where the kernel keeps no account of memory, no container has a limit. */
function cgroups(controllers: string): Finding[] {
  if (controllers === '' || controllers.split(/\s+/).includes('memory')) return [];
  const action = 'put cgroup_enable=memory cgroup_memory=1 into /boot/firmware/cmdline.txt and boot';
  return [{ part: 'memory', state: 'warning', what: 'memory limits do nothing on this kernel', action }];
}

function clock(now: number): Finding[] {
  const what = `it is ${new Date(now).toISOString()}`;
  if (now > EARLIEST) return [{ part: 'clock', state: 'ok', what }];
  const action = 'timedatectl: is the time synchronized? A board without a battery begins in the past';
  return [{ part: 'clock', state: 'failed', what, action }];
}

function warmth(millidegrees: string, throttled: string): Finding[] {
  const findings: Finding[] = [];
  if (Number(millidegrees) > HOT_MILLIDEGREES) {
    const what = `${(Number(millidegrees) / 1000).toFixed(0)} °C: it slows itself down`;
    findings.push({ part: 'heat', state: 'warning', what, action: 'a heat sink, a fan, or a place with air' });
  }
  // Bit 0 of a Raspberry Pi's word is low voltage now, bit 16 since it was started.
  if ((Number.parseInt(throttled, 16) & 0x1_0001) !== 0) {
    const action = 'use the power supply that was made for it: writes are lost when it browns out';
    findings.push({ part: 'power', state: 'warning', what: 'the supply gives too little', action });
  }
  return findings;
}

function noSuchFile(error: NodeJS.ErrnoException): string {
  // Not every kernel and container has each of them.
  if (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'ENOTDIR') return '';
  throw error;
}
