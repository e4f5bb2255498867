import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import { ENV_FILE, readEnvFile } from '../connection.ts';
import type { Register } from './command.ts';

/** `box env`: addresses and keys of the running appliance, for `eval "$(npx box env)"`. */
export const registerEnv: Register = (program, context) => {
  program
    .command('env')
    .description('addresses and keys of the running appliance as shell exports')
    .action(async () => {
      const env = await readEnvFile(join(context.folder, ENV_FILE));
      if (Object.keys(env).length === 0) {
        throw new BoxError(
          'unavailable',
          'Cannot find the appliance: no .box/env.json in this folder, start it with "npm start"',
        );
      }
      const lines = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`);
      context.output().result(env, lines.join('\n'));
    });
};

/** A value as one word of a POSIX shell. */
function quote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
