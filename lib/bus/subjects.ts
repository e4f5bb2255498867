import { createHash } from 'node:crypto';
import type { Stage } from '../scenario/scenario.ts';

/** Names of streams and subjects on the bus. Everything below `thebox.` is the system's own. */

export const STREAM = 'THEBOX';
export const DEAD_STREAM = 'THEBOX_DEAD';
export const TIMER_STREAM = 'THEBOX_TIMER';

/** What the connector sends to one stage alone: timers that are due, dead letters that are tried again. */
const STAGE_SUBJECTS = 'thebox.stage.>';

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

/** The text of which `subjectToken` made the token. */
export function tokenText(token: string): string {
  return decodeURIComponent(token.replaceAll('%', '%25').replaceAll('=', '%')).replaceAll('%25', '%');
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

/** The subjects of the stream for these topics: each topic and what lies below it, none covered by another. */
export function streamSubjects(topics: Iterable<string>): string[] {
  const wanted = new Set([STAGE_SUBJECTS]);
  for (const topic of topics) wanted.add(topic).add(`${topic}.>`);
  const all = [...wanted];
  return all.filter((subject) => !all.some((other) => other !== subject && covers(other, subject))).sort();
}

function covers(subject: string, other: string): boolean {
  return subject.endsWith('.>') && other.startsWith(subject.slice(0, -1));
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
