import { openGateway } from '../gateway.ts';
import { table } from '../output.ts';
import type { Register } from './command.ts';

interface StatusBody {
  readonly scenarios: readonly {
    readonly id: string;
    readonly stages: readonly Readonly<Record<string, unknown>>[];
  }[];
}

/** `box status`: every stage of every scenario, how far it is behind and what went wrong last. */
export const registerStatus: Register = (program, context) => {
  program
    .command('status')
    .description('what each stage does, how far it is behind, what went wrong last')
    .action(async () => {
      const gateway = openGateway(await context.connection());
      try {
        const { body } = await gateway.call({ method: 'GET', path: '/function/orchestrator/status' });
        context.output().result(body, statusTable(body as StatusBody));
      } finally {
        await gateway.close();
      }
    });
};

function statusTable({ scenarios }: StatusBody): string {
  const text = (value: unknown) => (value === undefined || value === null ? '' : String(value));
  const rows = scenarios.flatMap(({ id, stages }) =>
    stages.map((stage) => [
      id,
      text(stage.stage),
      text(stage.state),
      text(stage.waiting),
      text(stage.inProgress),
      text(stage.processed),
      text(stage.dead),
      text((stage.lastError as { message?: unknown } | undefined)?.message),
    ]),
  );
  return table(['SCENARIO', 'STAGE', 'STATE', 'WAITING', 'IN PROGRESS', 'PROCESSED', 'DEAD', 'LAST ERROR'], rows);
}
