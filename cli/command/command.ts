import type { Command } from 'commander';
import type { Connection } from '../connection.ts';
import type { Output } from '../output.ts';

/** What every command works with; the appliance is looked for only when a command asks. */
export interface CommandContext {
  readonly folder: string;
  readonly stdin: NodeJS.ReadableStream;
  readonly output: () => Output;
  readonly connection: () => Promise<Connection>;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Adds a command and its subcommands to the program. */
export type Register = (program: Command, context: CommandContext) => void;
