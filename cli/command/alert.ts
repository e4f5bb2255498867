import { userInfo } from 'node:os';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { openGateway } from '../gateway.ts';
import { table } from '../output.ts';
import type { CommandContext, Register } from './command.ts';

const ALERT_PATH = '/function/notification/alert';
const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

interface ListOptions {
  readonly state?: string;
  readonly limit?: string;
}

interface WordOptions {
  readonly by?: string;
  readonly note?: string;
}

interface SnoozeOptions extends WordOptions {
  readonly until?: string;
  readonly for?: string;
}

interface Alert {
  readonly id: string;
  readonly rule: string;
  readonly group: string;
  readonly state: string;
  readonly opened_at: string;
  readonly until?: string;
  readonly notifications: number;
  readonly message?: string;
  readonly history: readonly { readonly by: string }[];
}

/** `box alert list|ack|snooze|resolve`: alerts of rules that remember, and what somebody says about them. */
export const registerAlert: Register = (program, context) => {
  const alert = program.command('alert').description('alerts: what rules found, until it is over');
  alert
    .command('list <scenario>')
    .description('the newest first')
    .option('--state <state>', 'open, acknowledged, snoozed or resolved')
    .option('--limit <number>', 'at most so many (default 100)')
    .action((scenario: string, options: ListOptions) => list(context, scenario, options));
  const action = (name: string, description: string) =>
    alert
      .command(`${name} <id>`)
      .description(description)
      .option('--by <name>', 'who says so (default: your login name)')
      .option('--note <text>', 'kept with it');
  action('ack', 'no more notifications of it until it resolves').action((id: string, options: WordOptions) =>
    change(context, id, 'ack', wordOf(options)),
  );
  action('snooze', 'no notifications of it until a time')
    .option('--until <time>', 'RFC 3339')
    .option('--for <duration>', 'from now, such as 30m, 2h or 1d')
    .action((id: string, options: SnoozeOptions) =>
      change(context, id, 'snooze', { ...wordOf(options), until: untilOf(options) }),
    );
  action('resolve', 'it is over').action((id: string, options: WordOptions) =>
    change(context, id, 'resolve', wordOf(options)),
  );
};

async function list(context: CommandContext, scenario: string, { state, limit }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ scenario, ...(state && { state }), ...(limit && { limit }) });
  const body = await call(context, 'GET', `?${query}`);
  const { alerts } = body as { readonly alerts: readonly Alert[] };
  context.output().result(body, alertsTable(alerts));
}

async function change(context: CommandContext, id: string, action: string, word: object): Promise<void> {
  const body = await call(context, 'POST', `/${encodeURIComponent(id)}/${action}`, word);
  const { state, until } = body as Alert;
  context.output().result(body, until === undefined ? `${id}: ${state}` : `${id}: ${state} until ${until}`);
}

async function call(context: CommandContext, method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
  const gateway = openGateway(await context.connection());
  try {
    const answer = await gateway.call({
      method,
      path: ALERT_PATH + path,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return answer.body;
  } finally {
    await gateway.close();
  }
}

function wordOf({ by, note }: WordOptions): object {
  return { by: by ?? loginName(), ...(note !== undefined && { note }) };
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    const message = `Cannot change alert: --by must say who does it, as there is no login name (${errorText(cause)})`;
    throw new BoxError('invalid_argument', message, { cause });
  }
}

function untilOf({ until, for: duration }: SnoozeOptions): string {
  if ((until === undefined) === (duration === undefined)) {
    throw new BoxError('invalid_argument', 'Cannot snooze alert: give either --until or --for');
  }
  if (duration === undefined) return until ?? '';
  const [, count, unit = ''] = /^([1-9]\d{0,8})([smhd])$/.exec(duration) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? Number.NaN);
  // The longest snooze is the function's to judge; a duration beyond what a Date holds is a typing error.
  if (!(Date.now() + ms <= 8.64e15)) {
    const rule = '--for must be a number with s, m, h or d, such as 30m';
    throw new BoxError('invalid_argument', `Cannot snooze alert: ${rule}, got ${duration}`);
  }
  return new Date(Date.now() + ms).toISOString();
}

function alertsTable(alerts: readonly Alert[]): string {
  if (alerts.length === 0) return 'There are no alerts.';
  const rows = alerts.map(({ id, state, until, rule, group, opened_at, notifications, message, history }) => [
    id,
    until === undefined ? state : `${state} until ${until}`,
    rule,
    group,
    opened_at,
    String(notifications),
    history.at(-1)?.by ?? '',
    message ?? '',
  ]);
  return table(['ALERT', 'STATE', 'RULE', 'GROUP', 'OPENED', 'NOTIFIED', 'LAST SAID BY', 'MESSAGE'], rows);
}
