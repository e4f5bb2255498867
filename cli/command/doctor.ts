import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ALERT_CHECK } from '../doctor/alerts.ts';
import { BOARD_FOLDER, boardConnection, checkSecrets } from '../doctor/board.ts';
import { type Check, type Finding, runChecks } from '../doctor/finding.ts';
import { FUNCTION_CHECKS } from '../doctor/functions.ts';
import { checkMachine } from '../doctor/machine.ts';
import { SERVER_CHECKS } from '../doctor/servers.ts';
import { STAGE_CHECKS } from '../doctor/stages.ts';
import { EXIT } from '../exit-code.ts';
import type { Register } from './command.ts';

/** `box doctor`: what is wrong with the appliance, and what to do about it. */
export const registerDoctor: Register = (program, context) => {
  program
    .command('doctor')
    .description('looks at every part: what is wrong, and what to do about it; status 1 when something has failed')
    .option('--board [folder]', `on a board: addresses and keys as install.sh left them (default: ${BOARD_FOLDER})`)
    .action(async ({ board }: { board?: string | true }) => {
      const folder = board === true ? BOARD_FOLDER : board;
      const given = await context.connection();
      const connection = folder === undefined ? given : { ...(await boardConnection(folder)), ...given };
      const findings = await runChecks(checksFor(folder, context.folder), connection);
      const failed = findings.filter(({ state }) => state === 'failed').length;
      const warned = findings.filter(({ state }) => state === 'warning').length;
      context.output().result({ ok: failed === 0, failed, warned, findings }, report(findings, failed, warned));
      if (failed > 0) process.exitCode = EXIT.failed;
    });
};

function checksFor(board: string | undefined, folder: string): Check[] {
  const local = join(folder, '.box', 'data');
  const dataFolder = board === undefined ? (existsSync(local) ? local : folder) : join(board, 'data');
  const machine = { part: 'machine', needs: [], action: 'run it where the servers are' };
  const secrets = { part: 'secrets', needs: [], action: 'run it as root, after install.sh install' };
  return [
    ...FUNCTION_CHECKS,
    ...STAGE_CHECKS,
    ...SERVER_CHECKS,
    ...(board === undefined ? [] : [ALERT_CHECK, { ...secrets, run: () => checkSecrets(board) }]),
    { ...machine, run: () => checkMachine({ dataFolder }) },
  ];
}

function report(findings: readonly Finding[], failed: number, warned: number): string {
  const width = Math.max(...findings.map(({ part }) => part.length));
  const lines = findings.flatMap(({ part, state, what, action }) => {
    const line = `${state.padEnd(7)}  ${part.padEnd(width)}  ${what}`;
    return action === undefined ? [line] : [line, `${' '.repeat(7)}  ${' '.repeat(width)}  -> ${action}`];
  });
  const summary = failed + warned === 0 ? 'All is well.' : `${failed} failed, ${warned} to look at.`;
  return [...lines, '', summary].join('\n');
}
