import { subjectToken } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { type CloudEvent, sequenceOf } from '#lib/message/cloud-event.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { shortHash } from '#lib/state/short-hash.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import type { SparkplugMetric, SparkplugPayload } from '../format/sparkplug.ts';
import { applyToKept, type KeptChange, type KeptWork } from './keep.ts';

/** The names that an edge node's births gave to aliases, as they are kept. */
interface KeptAliases {
  readonly version: 1;
  /** By the sequences of the messages; the first has what all before it gave. */
  readonly births: readonly Birth[];
}

type Birth = readonly [sequence: number, names: Readonly<Record<string, string>>];
type Named = readonly (readonly [CloudEvent, SparkplugPayload])[];

/** An edge node that is silent for so long has to be born again. */
const TTL_MS = 90 * 86_400_000;
const MAX_ALIASES = 20_000;

/**
 * Payloads with the names of metrics that they know by alias alone: those that the births of the same edge node gave them
 * (Sparkplug 3.0, section 6.4.6). What no birth has named stays as it is.
 */
export async function nameMetrics(
  payloads: ReadonlyMap<CloudEvent, SparkplugPayload>,
  keepFrom: number,
  { record, store }: { readonly record: ScenarioRecord; readonly store: StateStore },
): Promise<ReadonlyMap<CloudEvent, SparkplugPayload>> {
  const prefix = `${subjectToken(record.id)}.${shortHash(['aliases', record.createdAt])}`;
  const byNode = Map.groupBy(payloads, ([{ source }]) => nodeOf(source));
  const works = [...byNode]
    .filter(([, own]) => own.some(([, { metrics }]) => metrics.some(({ alias }) => alias !== undefined)))
    .map(([node, own]): KeptWork<Named> => {
      const key = `${prefix}.${shortHash(node)}`;
      return { key, apply: (kept) => applyNode(readKept(kept), own, keepFrom) };
    });
  const named = works.length === 0 ? [] : await applyToKept(store, works);
  return new Map([...payloads, ...named.flat()]);
}

/**
 * The edge node of a source, where the source is the end of a Sparkplug topic: `DDATA.node.device` and `NBIRTH.node` are of
 * `node`, in which an alias has one meaning. Another source is a node by itself.
 */
function nodeOf(source: string): string {
  return /(?:^|\.)[ND](?:BIRTH|DATA|DEATH|CMD)\.([^.]+)(?:\.[^.]+)?$/.exec(source)?.[1] ?? source;
}

function applyNode(kept: KeptAliases, events: Named, keepFrom: number): KeptChange<Named> {
  const births = [...kept.births];
  let isChanged = false;
  const result = events.map(([event, payload]): readonly [CloudEvent, SparkplugPayload] => {
    const sequence = sequenceOf(event) ?? (births.at(-1)?.[0] ?? 0) + 1;
    const names = namesIn(payload);
    if (
      Object.keys(names).length > 0 &&
      !births.some(([each]) => each === sequence) &&
      sequence > (births[0]?.[0] ?? 0)
    ) {
      births.push([sequence, names]);
      isChanged = true;
    }
    return [event, { ...payload, metrics: payload.metrics.map((metric) => named(metric, births, sequence)) }];
  });
  const value: KeptAliases = { version: 1, births: merged(births, keepFrom) };
  return { result, write: isChanged ? { value, ttlMs: TTL_MS } : undefined };
}

function namesIn({ metrics }: SparkplugPayload): Record<string, string> {
  const names: Record<string, string> = {};
  for (const { name, alias } of metrics) if (name !== undefined && alias !== undefined) names[alias] = name;
  return names;
}

function named(metric: SparkplugMetric, births: readonly Birth[], sequence: number): SparkplugMetric {
  const { name, alias } = metric;
  if (name !== undefined || alias === undefined) return metric;
  const birth = births.findLast(([each, names]) => each <= sequence && Object.hasOwn(names, alias));
  return birth === undefined ? metric : { ...metric, name: birth[1][alias] ?? '' };
}

/** Births before `keepFrom` as one: no message before it comes again. */
function merged(births: readonly Birth[], keepFrom: number): readonly Birth[] {
  const old = births.filter(([sequence]) => sequence < keepFrom);
  const names: Record<string, string> = Object.assign({}, ...old.map((birth) => birth[1]));
  if (Object.keys(names).length > MAX_ALIASES) {
    throw new BoxError('too_large', `Cannot keep aliases: an edge node may have ${MAX_ALIASES} at most`);
  }
  const last = old.at(-1);
  return last === undefined ? births : [[last[0], names], ...births.slice(old.length)];
}

function readKept(value: unknown): KeptAliases {
  const isOurs = typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
  return isOurs ? (value as KeptAliases) : { version: 1, births: [] };
}
