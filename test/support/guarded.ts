import type { ChildProcess } from 'node:child_process';
import { guard } from '../../local/server/guard.ts';

/** Has a process, spawned `detached`, end with this one, however that ends: what a test that failed has left running, too. */
export function guarded<T extends ChildProcess>(child: T): T {
  const { pid } = child;
  if (pid !== undefined) {
    guard().started(pid);
    child.once('exit', () => guard().ended(pid));
  }
  return child;
}
