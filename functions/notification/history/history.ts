import type { TopicMessage, TopicReader } from '#lib/bus/topic-reader.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { jsonOrText } from '#lib/message/json-text.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';

/** A notification as it lies on its topic. */
export interface PastNotification {
  /** Its place: what comes after it is read with `since` of this. */
  readonly cursor: string;
  readonly id: string;
  readonly source: string;
  readonly time: string;
  readonly data: unknown;
}

export interface HistoryFilter {
  readonly scenario: string;
  readonly source?: string | undefined;
}

/** Where to begin: after a cursor, at a time, or with what comes from now on. */
export type Since = { readonly after: number } | { readonly time: Date } | 'now';

export interface Page {
  readonly notifications: readonly PastNotification[];
  /** The cursor to go on from. */
  readonly next: string;
}

/** The notifications of a scenario, as long as their topic keeps them. */
export interface NotificationHistory {
  /**
   * The oldest first, at most `limit`. When there are none it waits for the first, up to `waitMs`.
   *
   * @throws BoxError `not_found` for a scenario that is none or does not notify, `unavailable`.
   */
  page(filter: HistoryFilter, since: Since, limit: number, waitMs: number): Promise<Page>;
  /** Notifications as they come, until the signal aborts. @throws as `page` does. */
  follow(filter: HistoryFilter, since: Since, signal: AbortSignal): Promise<AsyncIterable<PastNotification>>;
}

/** Opens the history over the topics that notifications are published to. */
export function openNotificationHistory(
  reader: TopicReader,
  scenarios: Pick<ScenarioClient, 'current'>,
): NotificationHistory {
  const topicOf = async (id: string): Promise<string> => {
    const { scenario } = await scenarios.current(id);
    const topic = scenario.scenario_definition.notification_definition?.out_topic;
    if (topic === undefined) throw new BoxError('not_found', `Cannot read notifications: scenario ${id} makes none`);
    return topic;
  };

  async function* read(topic: string, filter: HistoryFilter, options: Parameters<TopicReader['read']>[1]) {
    for await (const message of reader.read(topic, options)) {
      const notification = notificationOf(message);
      if (isWanted(notification, filter)) yield notification;
    }
  }

  return {
    async page(filter, since, limit, waitMs) {
      const topic = await topicOf(filter.scenario);
      // Before anything is read: what is stored meanwhile is read by the next page.
      const end = await reader.lastSeq();
      const found: PastNotification[] = [];
      if (since !== 'now') {
        for await (const one of read(topic, filter, { from: startOf(since), until: 'end' })) {
          if (found.push(one) === limit) return { notifications: found, next: one.cursor };
        }
      }
      if (found.length === 0 && waitMs > 0) {
        const signal = AbortSignal.timeout(waitMs);
        for await (const one of read(topic, filter, { from: { seq: end + 1 }, until: 'never', signal })) {
          return { notifications: [one], next: one.cursor };
        }
      }
      return { notifications: found, next: String(Math.max(end, Number(found.at(-1)?.cursor ?? 0))) };
    },
    async follow(filter, since, signal) {
      const topic = await topicOf(filter.scenario);
      const from = since === 'now' ? { seq: (await reader.lastSeq()) + 1 } : startOf(since);
      return read(topic, filter, { from, until: 'never', signal });
    },
  };
}

function startOf(since: Exclude<Since, 'now'>) {
  return 'time' in since ? since : { seq: since.after + 1 };
}

function notificationOf({ seq, time, attributes, body }: TopicMessage): PastNotification {
  return {
    cursor: String(seq),
    id: attributes.id ?? String(seq),
    source: attributes.source ?? 'default',
    time: attributes.time ?? time.toISOString(),
    data: jsonOrText(body),
  };
}

/** Two scenarios may publish to one topic. */
function isWanted({ source, data }: PastNotification, filter: HistoryFilter): boolean {
  const { scenario } = Object(data) as { scenario?: unknown };
  return (
    (scenario === undefined || scenario === filter.scenario) &&
    (filter.source === undefined || source === filter.source)
  );
}
