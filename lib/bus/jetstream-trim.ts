import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { STREAM } from './subjects.ts';

export interface HistoryLimits {
  /** How long what is processed is kept. */
  readonly ageMs: number;
  /** How much the stream may hold before what is processed goes early, the oldest first. */
  readonly bytes: number;
}

const MAX_ROUNDS = 10;
const SETTLED_MS = 200;

/**
 * Drops what is processed and beyond the history that is kept. What a consumer has not acknowledged stays, however old.
 *
 * @returns how many messages went.
 */
export async function trimStream(manager: JetStreamManager, limits: HistoryLimits): Promise<number> {
  let { state } = await manager.streams.info(STREAM);
  if (state.messages === 0) return 0;
  // The stream's end is read before the consumers' places, and a little back: consumers count what was stored a moment later.
  const end = await firstSince(manager, Date.now() - SETTLED_MS, state.last_seq + 1);
  const bounds = await boundsOfConsumers(manager, end);
  let purged = await purge(manager, bounds, await firstSince(manager, Date.now() - limits.ageMs, end));
  let cut = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    ({ state } = await manager.streams.info(STREAM));
    const excess = state.bytes - limits.bytes;
    if (excess <= 0 || cut >= end) break;
    const average = state.bytes / state.messages;
    cut = Math.min(Math.max(cut, state.first_seq) + Math.ceil(excess / average), end);
    purged += await purge(manager, bounds, cut);
  }
  return purged;
}

/** How far each consumer is done, and with which subjects. */
interface Bound {
  readonly filters: readonly string[];
  /** It needs nothing before this place. */
  readonly needsFrom: number;
}

async function boundsOfConsumers(manager: JetStreamManager, end: number): Promise<Bound[]> {
  const bounds: Bound[] = [];
  for await (const info of manager.consumers.list(STREAM)) {
    // Readers of the history come and go, and do not hold it.
    if (info.config.durable_name === undefined) continue;
    bounds.push({ filters: filtersOf(info), needsFrom: needsFrom(info, end) });
  }
  return bounds;
}

function filtersOf({ config }: ConsumerInfo): readonly string[] {
  return config.filter_subjects ?? (config.filter_subject === undefined ? ['>'] : [config.filter_subject]);
}

function needsFrom(info: ConsumerInfo, end: number): number {
  return info.num_pending === 0 && info.num_ack_pending === 0 ? end : info.ack_floor.stream_seq + 1;
}

async function firstSince(manager: JetStreamManager, timeMs: number, end: number): Promise<number> {
  const message = await manager.direct.getMessage(STREAM, { start_time: new Date(timeMs) });
  return message?.seq ?? end;
}

/** Drops what lies before `before`, as far as nobody needs it. */
async function purge(manager: JetStreamManager, bounds: readonly Bound[], before: number): Promise<number> {
  const common = Math.min(before, ...bounds.map((bound) => bound.needsFrom));
  // Sequence 0 would mean everything, and before 1 there is nothing.
  let purged = common > 1 ? (await manager.streams.purge(STREAM, { seq: common })).purged : 0;
  if (common === before) return purged;
  // Somebody lags (a paused scenario, say): subject by subject, so that it holds only what it wants itself.
  const { state } = await manager.streams.info(STREAM, { subjects_filter: '>' });
  for (const subject of Object.keys(state.subjects ?? {})) {
    const wanting = bounds.filter(({ filters }) => filters.some((filter) => matches(filter, subject)));
    const seq = Math.min(before, ...wanting.map((bound) => bound.needsFrom));
    if (seq > common) purged += (await manager.streams.purge(STREAM, { filter: subject, seq })).purged;
  }
  return purged;
}

function matches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const tokens = subject.split('.');
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return tokens.length > i;
    if (tokens[i] === undefined || (token !== '*' && token !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}
