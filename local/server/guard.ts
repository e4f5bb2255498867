import { spawn } from 'node:child_process';

/**
 * Keeps the list of process groups on its input, and ends them when that is closed: however this process ends, even by
 * SIGKILL, what it started ends too.
 */
const SCRIPT = `
alive=
while read -r event pid; do
  if [ "$event" = started ]; then alive="$alive $pid"; continue; fi
  left=
  for one in $alive; do [ "$one" = "$pid" ] || left="$left $one"; done
  alive=$left
done
[ -n "$alive" ] || exit 0
for one in $alive; do kill -TERM "-$one"; done
sleep 3
for one in $alive; do kill -KILL "-$one"; done
`;

/** Watches over the process groups that this process has started. */
export interface Guard {
  started(pid: number): void;
  ended(pid: number): void;
}

let running: Guard | undefined;

/** The guard of this process, started with the first call. It does not keep this process up. */
export function guard(): Guard {
  running ??= startGuard();
  return running;
}

function startGuard(): Guard {
  // In a process group of its own, as a Ctrl-C at the terminal must not reach it.
  const child = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  const { stdin } = child;
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return {
    started: (pid) => stdin.write(`started ${pid}\n`),
    ended: (pid) => stdin.write(`ended ${pid}\n`),
  };
}
