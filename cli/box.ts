#!/usr/bin/env node
import { Command } from 'commander';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { CommandContext } from './command/command.ts';
import { registerDead } from './command/dead.ts';
import { registerEnv } from './command/env.ts';
import { registerRule } from './command/rule.ts';
import { registerScenario } from './command/scenario.ts';
import { registerSend } from './command/send.ts';
import { registerStatus } from './command/status.ts';
import { registerWatch } from './command/watch.ts';
import { readConnection } from './connection.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { openOutput } from './output.ts';

const abort = new AbortController();
const program = new Command('box')
  .description('the command line of The Box')
  .option('--json', 'results as JSON')
  .exitOverride((end) => process.exit(end.exitCode === 0 ? EXIT.ok : EXIT.usage));

const context: CommandContext = {
  folder: process.cwd(),
  stdin: process.stdin,
  output: () => openOutput(program.opts<{ json?: boolean }>().json ?? false, process.stdout, process.stderr),
  connection: () => readConnection(process.env, process.cwd()),
  signal: abort.signal,
};

for (const register of [
  registerScenario,
  registerRule,
  registerSend,
  registerWatch,
  registerStatus,
  registerDead,
  registerEnv,
]) {
  register(program, context);
}
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
