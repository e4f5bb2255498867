import { createHash } from 'node:crypto';
import type { Stage } from '../scenario/scenario.ts';

/** Names of streams and subjects on the bus. Everything below `thebox.` is the system's own. */

export const STREAM = 'THEBOX';
export const DEAD_STREAM = 'THEBOX_DEAD';
export const TIMER_STREAM = 'THEBOX_TIMER';

/** What the connector sends to one stage alone: timers that are due, dead letters that are tried again. */
const STAGE_SUBJECTS = 'thebox.stage.>';

/** Where a source that has shown its token publishes: `thebox.source.<source>.<topic>`. Nobody else may. */
const SOURCE_ENTRANCE = 'thebox.source.';
/** Where the HTTP door publishes signals of sources that it knows: `thebox.door.<source>.<topic>`. */
const DOOR_ENTRANCE = 'thebox.door.';

/** Tells that a source was put, removed or has another token; the id of the source is the message. */
export const SOURCE_CHANGED_SUBJECT = 'thebox.changed.source';

/** Signals of sources that are not known, until somebody releases or drops them. */
export const QUARANTINE_STREAM = 'THEBOX_QUARANTINE';
export const QUARANTINE_SUBJECTS = ['thebox.quarantine.>'] as const;

/** The longest name that a source may have. */
const MAX_SOURCE_LENGTH = 200;

/** The source of a signal that names none. */
export const DEFAULT_SOURCE = 'default';

/** Any text as one token of a subject, of a consumer's name or of a key: other characters as `=HH`, so no two texts share a token. */
export function subjectToken(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  const encoded = Array.from(Buffer.from(text), (byte) =>
    /[A-Za-z0-9_-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `=${byte.toString(16).padStart(2, '0').toUpperCase()}`,
  ).join('');
  return encoded === '' ? '=' : encoded;
}

/** The text of which `subjectToken` made the token. Anybody may have made the subject: what is no such token is text like other text. */
export function tokenText(token: string): string {
  if (token === '=') return '';
  return token.replace(/(=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString('utf8'));
}

export function consumerName(scenarioId: string, stage: Stage): string {
  return `${stage}-${subjectToken(scenarioId)}`;
}

/** What a stage gets for itself alone. */
export function stageSubject(scenarioId: string, stage: Stage, kind: 'timer' | 'replay' | '*'): string {
  return `thebox.stage.${subjectToken(scenarioId)}.${stage}.${kind}`;
}

export function deadSubject(scenarioId: string | '*', stage: Stage | '*'): string {
  return `thebox.dead.${scenarioId === '*' ? '*' : subjectToken(scenarioId)}.${stage}`;
}

/** Where a timer waits; a later one with the same key takes its place, because it has the same subject. */
export function scheduleSubject(scenarioId: string, stage: Stage, key: string): string {
  const token = subjectToken(key);
  const short = token.length <= 100 ? token : createHash('sha256').update(key).digest('hex');
  return `thebox.schedule.${subjectToken(scenarioId)}.${stage}.${short}`;
}

export function scheduleFilter(scenarioId: string): string {
  return `thebox.schedule.${subjectToken(scenarioId)}.>`;
}

/** Where a timer goes when its time has come. */
export function dueSubject(scenarioId: string, stage: Stage): string {
  return `thebox.due.${subjectToken(scenarioId)}.${stage}`;
}

export const TIMER_SUBJECTS = ['thebox.schedule.>', 'thebox.due.>'] as const;
export const DUE_FILTER = 'thebox.due.>';
export const DEAD_SUBJECTS = ['thebox.dead.>'] as const;

/** The subjects on which signals for a topic come from sources that are made sure of, each source's and the door's. */
export function entranceSubjects(topic: string): string[] {
  return [`${SOURCE_ENTRANCE}*.${topic}`, `${DOOR_ENTRANCE}*.${topic}`];
}

/** Everything that a source may publish to once it has shown its token. */
export function sourceSubjects(source: string): string {
  return `${SOURCE_ENTRANCE}${subjectToken(source)}.>`;
}

/** Where the HTTP door publishes a signal of a source that it knows. */
export function doorSubject(source: string, topic: string): string {
  return `${DOOR_ENTRANCE}${subjectToken(source)}.${topic}`;
}

/** How a signal came in: on its topic, where anybody may publish, or where only the source itself or the door may. */
export interface Entrance {
  readonly kind: 'open' | 'source' | 'door';
  readonly topic: string;
  /** The source that the subject names; undefined where it names none. */
  readonly source: string | undefined;
}

/** How a message came in that has one of these topics; undefined for one that has none of them. */
export function entranceOf(subject: string, topics: readonly string[]): Entrance | undefined {
  for (const [kind, prefix] of [
    ['source', SOURCE_ENTRANCE],
    ['door', DOOR_ENTRANCE],
  ] as const) {
    if (!subject.startsWith(prefix)) continue;
    const dot = subject.indexOf('.', prefix.length);
    const topic = subject.slice(dot + 1);
    if (dot === -1 || !topics.includes(topic)) return undefined;
    return { kind, topic, source: tokenText(subject.slice(prefix.length, dot)) };
  }
  const topic = topics.find((each) => subject === each || subject.startsWith(`${each}.`));
  if (topic === undefined) return undefined;
  return { kind: 'open', topic, source: subject === topic ? undefined : subject.slice(topic.length + 1) };
}

export function quarantineSubject(scenarioId: string | '*', source: string | '*'): string {
  // A header may claim a name of any length, a subject has to end somewhere.
  const token = (text: string) => (text === '*' ? text : subjectToken(text.slice(0, MAX_SOURCE_LENGTH)));
  return `thebox.quarantine.${token(scenarioId)}.${token(source)}`;
}

/** The topics whose subjects a stream has: the reverse of `streamSubjects`. */
export function topicsOfSubjects(subjects: readonly string[]): string[] {
  return subjects.filter((subject) => !subject.endsWith('.>') && !subject.startsWith('thebox.'));
}

/** The subjects of the stream for these topics: each topic and what lies below it, none covered by another, and its entrances. */
export function streamSubjects(topics: Iterable<string>): string[] {
  const wanted = new Set([STAGE_SUBJECTS]);
  for (const topic of topics) {
    wanted.add(topic).add(`${topic}.>`);
    for (const subject of entranceSubjects(topic)) wanted.add(subject);
  }
  const all = [...wanted];
  return all.filter((subject) => !all.some((other) => other !== subject && covers(other, subject))).sort();
}

function covers(subject: string, other: string): boolean {
  return subject.endsWith('.>') && other.startsWith(subject.slice(0, -1));
}

/** Whether a subject is where the door publishes for a source. */
export function isDoorSubject(subject: string): boolean {
  return subject.startsWith(DOOR_ENTRANCE) && isTopic(subject.slice(subject.indexOf('.', DOOR_ENTRANCE.length) + 1));
}

/** Whether a topic can be a subject of the stream. */
export function isTopic(topic: string): boolean {
  return /^[^\s.*>$_][^\s.*>]*(\.[^\s.*>]+)*$/.test(topic) && topic !== 'thebox' && !topic.startsWith('thebox.');
}

/** The source that a subject names: its tail below the topic, else `default`. */
export function sourceOf(subject: string, topic: string): string {
  return subject.length > topic.length + 1 && subject.startsWith(topic)
    ? subject.slice(topic.length + 1)
    : DEFAULT_SOURCE;
}
