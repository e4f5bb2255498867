import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { type Scenario, stagesOf } from '#lib/scenario/scenario.ts';
import type { Gateway } from '../gateway.ts';
import { type Output, table } from '../output.ts';
import type { CommandContext, Register } from './command.ts';
import { withGateway } from './with-gateway.ts';

const ROOT = '/function/orchestrator/scenario';

/** `box scenario put|get|list|delete|validate|pause|resume`. */
export const registerScenario: Register = (program, context) => {
  const scenario = program.command('scenario').description('scenarios: what to ingest, which model, which rules');
  scenario
    .command('put <file>')
    .description('make or replace a scenario from its JSON file ("-": standard input)')
    .action((file: string) => withGateway(context, (gateway, output) => put(gateway, output, file, context)));
  scenario
    .command('validate <file>')
    .description('say everything that is wrong with a scenario file, and keep nothing')
    .action((file: string) => withGateway(context, (gateway, output) => validate(gateway, output, file, context)));
  scenario
    .command('list')
    .description('all scenarios')
    .action(() => withGateway(context, list));
  scenario
    .command('get <id>')
    .description('one scenario as JSON')
    .action((id: string) => withGateway(context, (gateway, output) => get(gateway, output, id)));
  scenario
    .command('delete <id>')
    .description('remove a scenario')
    .action((id: string) => withGateway(context, (gateway, output) => remove(gateway, output, id)));
  for (const verb of ['pause', 'resume'] as const) addSwitch(scenario, verb, context);
};

function addSwitch(scenario: Command, verb: 'pause' | 'resume', context: CommandContext): void {
  const says = verb === 'pause' ? 'stop processing; signals wait' : 'process what waits, and go on';
  scenario
    .command(`${verb} <id>`)
    .description(says)
    .action((id: string) =>
      withGateway(context, async (gateway, output) => {
        const answer = await gateway.call({ method: 'POST', path: `${ROOT}/${encodeURIComponent(id)}/${verb}` });
        output.result(answer.body, `${id}: ${verb}d`);
      }),
    );
}

async function put(gateway: Gateway, output: Output, file: string, context: CommandContext): Promise<void> {
  const body = await readScenarioFile(file, context.stdin);
  const answer = await gateway.call({ method: 'PUT', path: ROOT, headers: JSON_TYPE, body });
  const made = answer.status === 201 ? 'made' : 'replaced';
  for (const warning of warningsOf(answer.body)) output.note(`warning: ${warning}`);
  output.result(answer.body, `${idOf(answer.body)}: ${made}`);
}

async function validate(gateway: Gateway, output: Output, file: string, context: CommandContext): Promise<void> {
  const body = await readScenarioFile(file, context.stdin);
  const answer = await gateway.call({ method: 'POST', path: `${ROOT}/validate`, headers: JSON_TYPE, body });
  for (const warning of warningsOf(answer.body)) output.note(`warning: ${warning}`);
  output.result(answer.body, `${file}: valid`);
}

async function list(gateway: Gateway, output: Output): Promise<void> {
  const { body } = await gateway.call({ method: 'GET', path: ROOT });
  const scenarios = body as (Scenario & { readonly _id: string })[];
  const rows = scenarios.map((scenario) => {
    const stages = stagesOf(scenario);
    const first = stages[0]?.definition.in_topic ?? '';
    const last = stages.at(-1)?.definition.out_topic ?? '';
    return [scenario._id, scenario.scenario_name, stages.map(({ stage }) => stage).join(' → '), `${first} → ${last}`];
  });
  output.result(body, table(['ID', 'NAME', 'STAGES', 'TOPICS'], rows));
}

async function get(gateway: Gateway, output: Output, id: string): Promise<void> {
  const { body } = await gateway.call({ method: 'GET', path: `${ROOT}/${encodeURIComponent(id)}` });
  output.result(body, JSON.stringify(body, null, 2));
}

async function remove(gateway: Gateway, output: Output, id: string): Promise<void> {
  await gateway.call({ method: 'DELETE', path: `${ROOT}/${encodeURIComponent(id)}` });
  output.result({ _id: id, deleted: true }, `${id}: deleted`);
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function readScenarioFile(file: string, stdin: NodeJS.ReadableStream): Promise<string> {
  const text = await readInput(file, stdin);
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${file}: it must be JSON (${errorText(cause)})`, { cause });
  }
  return text;
}

async function readInput(file: string, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file !== '-') {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      throw new BoxError('invalid_argument', `Cannot read ${file}: ${errorText(cause)}`, { cause });
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function warningsOf(body: unknown): string[] {
  const warnings = (body as { warnings?: unknown } | null)?.warnings;
  if (!Array.isArray(warnings)) return [];
  return warnings.map((w: { pointer?: string; message?: string }) => `${w.pointer ?? ''} ${w.message ?? ''}`.trim());
}

function idOf(body: unknown): string {
  return String((body as { _id?: unknown } | null)?._id ?? 'scenario');
}
