import { SingleBar } from 'cli-progress';

export interface ProgressBar {
  /** How much is done, of how much where that changes. */
  update(done: number, total?: number): void;
  increment(): void;
  stop(): void;
}

const SILENT: ProgressBar = { update: () => undefined, increment: () => undefined, stop: () => undefined };

/** A bar on standard error; none where nobody would see it, or for a single step. */
export function openBar(total: number): ProgressBar {
  if (total < 2 || !process.stderr.isTTY) return SILENT;
  const bar = new SingleBar({ format: '{bar} {value}/{total} | {eta_formatted} left', stream: process.stderr });
  bar.start(total, 0);
  return {
    update(done, all) {
      if (all !== undefined) bar.setTotal(all);
      bar.update(done);
    },
    increment: () => bar.increment(),
    stop: () => bar.stop(),
  };
}
