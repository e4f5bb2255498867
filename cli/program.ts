import { Command } from 'commander';
import { registerAlert } from './command/alert.ts';
import type { CommandContext, Register } from './command/command.ts';
import { registerDead } from './command/dead.ts';
import { registerDoctor } from './command/doctor.ts';
import { registerEnv } from './command/env.ts';
import { registerModel } from './command/model.ts';
import { registerOrder } from './command/order.ts';
import { registerRule } from './command/rule.ts';
import { registerSample } from './command/sample.ts';
import { registerScenario } from './command/scenario.ts';
import { registerSend } from './command/send.ts';
import { registerSource } from './command/source.ts';
import { registerStatus } from './command/status.ts';
import { registerWatch } from './command/watch.ts';
import { EXIT } from './exit-code.ts';
import { openOutput } from './output.ts';

export interface ProgramContext extends Omit<CommandContext, 'output'> {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** What ends the process after help or arguments that are wrong. */
  readonly exit: (code: number) => never;
}

const COMMANDS: readonly Register[] = [
  registerScenario,
  registerSource,
  registerRule,
  registerAlert,
  registerSend,
  registerWatch,
  registerStatus,
  registerDoctor,
  registerDead,
  registerSample,
  registerOrder,
  registerModel,
  registerEnv,
];

/** `box` with all its commands. */
export function boxProgram({ stdout, stderr, exit, ...given }: ProgramContext): Command {
  const program = new Command('box')
    .description('the command line of The Box')
    .option('--json', 'results as JSON')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride((end) => exit(end.exitCode === 0 ? EXIT.ok : EXIT.usage));
  const json = () => program.opts<{ json?: boolean }>().json ?? false;
  const context = { ...given, output: () => openOutput(json(), stdout, stderr) };
  for (const register of COMMANDS) register(program, context);
  return program;
}
