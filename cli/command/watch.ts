import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Scenario } from '#lib/scenario/scenario.ts';
import type { Connection } from '../connection.ts';
import { openGateway } from '../gateway.ts';
import { withNats } from '../nats.ts';
import type { Output } from '../output.ts';
import type { CommandContext, Register } from './command.ts';

/** `box watch`: notifications as they come, or since a time. */
export const registerWatch: Register = (program, context) => {
  program
    .command('watch [scenarios...]')
    .description('print notifications as they come, of all scenarios or of these')
    .option('--since <time>', 'also those since this time (RFC 3339)')
    .option('--count <number>', 'stop after so many')
    .action((scenarios: string[], options: { since?: string; count?: string }) => watch(context, scenarios, options));
};

async function watch(
  context: CommandContext,
  wanted: readonly string[],
  options: { readonly since?: string; readonly count?: string },
): Promise<void> {
  const connection = await context.connection();
  const topics = await notificationTopics(connection, wanted);
  const from = options.since === undefined ? 'now' : { time: readTime(options.since) };
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const output = context.output();
  let left = readCount(options.count);
  await withNats(connection, async (nats) => {
    const reader = openJetStreamTopicReader(nats);
    output.note(`watching ${topics.join(', ')}, Ctrl-C ends`);
    const follow = async (topic: string) => {
      for await (const message of reader.read(topic, { from, until: 'never', signal })) {
        print(output, message.body);
        if (--left <= 0) stop.abort();
      }
    };
    await Promise.all(topics.map(follow));
  });
}

async function notificationTopics(connection: Connection, wanted: readonly string[]): Promise<string[]> {
  const gateway = openGateway(connection);
  try {
    const { body } = await gateway.call({ method: 'GET', path: '/function/orchestrator/scenario' });
    const scenarios = body as (Scenario & { readonly _id: string })[];
    const missing = wanted.filter((id) => !scenarios.some((scenario) => scenario._id === id));
    if (missing.length > 0)
      throw new BoxError('not_found', `Cannot watch ${missing.join(', ')}: there is no such scenario`);
    const topics = scenarios
      .filter((scenario) => wanted.length === 0 || wanted.includes(scenario._id))
      .flatMap((scenario) => scenario.scenario_definition.notification_definition?.out_topic ?? []);
    if (topics.length === 0) throw new BoxError('not_found', 'Cannot watch: no scenario has a notification stage');
    return [...new Set(topics)];
  } finally {
    await gateway.close();
  }
}

function readTime(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    throw new BoxError('invalid_argument', `Cannot watch: --since must be an RFC 3339 time, got ${text}`);
  }
  return time;
}

function readCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d*$/.test(text))
    throw new BoxError('invalid_argument', `Cannot watch: --count must be a whole number from 1, got ${text}`);
  return Number(text);
}

function print(output: Output, body: Uint8Array): void {
  const notification = JSON.parse(Buffer.from(body).toString('utf8')) as Record<string, unknown>;
  const { time_stamp, notification_id, source, message, correlation_id } = notification;
  const text = [time_stamp, notification_id, source, message ?? '', `(${correlation_id})`].filter(Boolean).join('  ');
  output.item(notification, text);
}
