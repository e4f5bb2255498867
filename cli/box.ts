#!/usr/bin/env node
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { readConnection } from './connection.ts';
import { exitCodeOf } from './exit-code.ts';
import { boxProgram } from './program.ts';

const abort = new AbortController();
const program = boxProgram({
  folder: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  connection: () => readConnection(process.env, process.cwd()),
  signal: abort.signal,
  exit: process.exit,
});
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Who read has enough, as `head` does after its lines.
  if (error.code !== 'EPIPE') throw error;
  abort.abort();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());

try {
  await program.parseAsync();
} catch (error) {
  if (!abort.signal.aborted) {
    process.stderr.write(`box: ${errorText(error)}\n`);
    if (error instanceof BoxError) {
      for (const { pointer, message } of error.problems) process.stderr.write(`  ${pointer || '/'}: ${message}\n`);
    }
    process.exitCode = exitCodeOf(error);
  }
}
