import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import {
  DEAD_STREAM,
  DEAD_SUBJECTS,
  QUARANTINE_STREAM,
  QUARANTINE_SUBJECTS,
  STREAM,
  streamSubjects,
  TIMER_STREAM,
  TIMER_SUBJECTS,
  topicsOfSubjects,
} from './subjects.ts';

export interface StreamLimits {
  /** What all topics together may hold; a full stream refuses publishers. */
  readonly maxBytes: number;
  readonly maxDeadBytes: number;
  /** What signals of unknown sources may hold while they wait for somebody's word (default: as the dead letters). */
  readonly maxQuarantineBytes?: number;
  /** How long the server remembers message ids. Each takes about 150 bytes of its memory. */
  readonly duplicateWindowMs: number;
}

const STREAM_NOT_FOUND = 10059;
const STREAM_EXISTS = 10058;
/** 100,000 messages a second, more than any bus takes for long; a sequence stays below 10^15, exact as a number of JavaScript. */
const SEQUENCES_PER_MS = 100;
const TIMER_BYTES = 64 * 1024 * 1024;

type Config = Partial<StreamConfig> & { name: string; subjects: string[] };

/**
 * Makes the streams where they are missing and brings their limits to what is configured. Subjects are added and never
 * removed: `keepSubjects` does that.
 *
 * @throws BoxError `unavailable` when the bus does not answer or refuses.
 */
export async function ensureStreams(
  manager: JetStreamManager,
  topics: Iterable<string>,
  limits: StreamLimits,
): Promise<void> {
  const topicList = [...topics];
  await ensureStream(manager, topicsConfig(streamSubjects(topicList), limits), (old) =>
    mergedSubjects(old.subjects, topicList),
  );
  await ensureStream(manager, deadConfig(limits));
  await ensureStream(manager, quarantineConfig(limits));
  await ensureStream(manager, timerConfig());
}

/**
 * Brings the stream's subjects to exactly these topics. What lies on a topic that goes stays until it is trimmed;
 * who publishes to it is told that nobody takes it.
 */
export async function keepSubjects(manager: JetStreamManager, topics: Iterable<string>): Promise<void> {
  const subjects = streamSubjects(topics);
  const { config } = await manager.streams.info(STREAM);
  if (sameList(config.subjects, subjects)) return;
  await manager.streams.update(STREAM, { ...config, subjects });
}

function topicsConfig(subjects: string[], limits: StreamLimits): Config {
  return {
    name: STREAM,
    subjects,
    description: 'Signals, features, predictions and notifications of every scenario',
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: limits.maxBytes,
    duplicate_window: nanos(limits.duplicateWindowMs),
    allow_direct: true,
  };
}

function deadConfig(limits: StreamLimits): Config {
  return {
    name: DEAD_STREAM,
    subjects: [...DEAD_SUBJECTS],
    description: 'What could not be processed, with the reason',
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    // The oldest go first: dead letters that fill up must not stop what is alive.
    discard: DiscardPolicy.Old,
    max_bytes: limits.maxDeadBytes,
    duplicate_window: nanos(limits.duplicateWindowMs),
    allow_direct: true,
  };
}

function quarantineConfig({ maxQuarantineBytes, maxDeadBytes, duplicateWindowMs }: StreamLimits): Config {
  return {
    name: QUARANTINE_STREAM,
    subjects: [...QUARANTINE_SUBJECTS],
    description: 'Signals of sources that are not known, until somebody releases them',
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    // The oldest go first: whoever floods the quarantine must not stop the sources that are known.
    discard: DiscardPolicy.Old,
    max_bytes: maxQuarantineBytes ?? maxDeadBytes,
    duplicate_window: nanos(duplicateWindowMs),
    allow_direct: true,
  };
}

/** A stream of its own: a stream that refuses when full cannot hold message schedules (nats-server 2.14 and later say so). */
function timerConfig(): Config {
  return {
    name: TIMER_STREAM,
    subjects: [...TIMER_SUBJECTS],
    description: 'Timers that functions asked for',
    // What is brought to its stage goes at once.
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_bytes: TIMER_BYTES,
    allow_msg_schedules: true,
    allow_rollup_hdrs: true,
    allow_direct: true,
  };
}

function mergedSubjects(old: readonly string[], topics: readonly string[]): string[] {
  return streamSubjects([...topicsOfSubjects(old), ...topics]);
}

async function ensureStream(
  manager: JetStreamManager,
  wanted: Config,
  subjectsOf: (old: StreamConfig) => string[] = () => wanted.subjects,
): Promise<void> {
  try {
    const old = (await existing(manager, wanted.name)) ?? (await added(manager, wanted));
    const next = { ...old, ...wanted, subjects: subjectsOf(old) };
    if (!sameConfig(old, next)) await manager.streams.update(wanted.name, next);
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot set up stream ${wanted.name}: ${errorText(cause)}`, { cause });
  }
}

/**
 * Makes a stream whose sequences begin above those of any stream of that name before it: what is kept elsewhere by
 * sequence (the state of windows and rules, the ids of messages that were made) outlives a stream that somebody deletes.
 *
 * @returns its configuration; another's, when a second connector was quicker.
 */
async function added(manager: JetStreamManager, wanted: Config): Promise<StreamConfig> {
  try {
    return (await manager.streams.add({ ...wanted, first_seq: Date.now() * SEQUENCES_PER_MS })).config;
  } catch (error) {
    const found = isApiError(error, STREAM_EXISTS) ? await existing(manager, wanted.name) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

async function existing(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (isApiError(error, STREAM_NOT_FOUND)) return undefined;
    throw error;
  }
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

function sameConfig(a: Partial<StreamConfig>, b: Partial<StreamConfig>): boolean {
  const keys = Object.keys(b) as (keyof StreamConfig)[];
  return keys.every((key) => JSON.stringify(a[key]) === JSON.stringify(b[key]));
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().every((item, i) => item === b[i]);
}

/** Sets what all topics together may hold. A limit below what they do hold drops nothing: it refuses until there is room. */
export async function setMaxBytes(manager: JetStreamManager, maxBytes: number): Promise<void> {
  const { config } = await manager.streams.info(STREAM);
  if (config.max_bytes !== maxBytes) await manager.streams.update(STREAM, { ...config, max_bytes: maxBytes });
}
