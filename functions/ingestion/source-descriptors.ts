import { isRecord } from '#lib/json/json-object.ts';
import { type CloudEvent, EVENT_TYPE } from '#lib/message/cloud-event.ts';
import type { EventResult, FunctionAnswer, Wake } from '#lib/message/function-answer.ts';
import type { DataDescriptor, ScenarioRecord } from '#lib/scenario/scenario.ts';
import { SOURCE_REV_ATTRIBUTE, type SourceRecord } from '#lib/source/source.ts';
import type { SourceClient } from '#lib/source/source-client.ts';

/** What is asked of sources here. */
export type AskableSources = Pick<SourceClient, 'get' | 'changed'>;

export type RecordProcess = (
  record: ScenarioRecord,
  events: readonly CloudEvent[],
  /** Messages before that sequence do not come again. */
  keepFrom: number,
) => Promise<FunctionAnswer>;

/**
 * Processes a batch in which signals of some sources have a data descriptor of their own: the connector marks those with the
 * source's revision. Each is processed as if the scenario had that descriptor.
 */
export function openBySource(sources: AskableSources, process: RecordProcess): RecordProcess {
  /** A scenario with the descriptor of a source, as long as both are as they were. */
  const derived = new WeakMap<ScenarioRecord, Map<string, { rev: string; record: ScenarioRecord }>>();
  const recordFor = async (record: ScenarioRecord, source: string, rev: string): Promise<ScenarioRecord> => {
    const kept = derived.get(record) ?? new Map<string, { rev: string; record: ScenarioRecord }>();
    derived.set(record, kept);
    const known = kept.get(source);
    if (known?.rev === rev) return known.record;
    const found = await atLeast(sources, source, rev);
    const descriptor = found?.source.data_descriptor;
    const own = descriptor === undefined ? record : withDescriptor(record, descriptor);
    kept.set(source, { rev, record: own });
    return own;
  };

  return async (record, events, keepFrom) => {
    const owners = events.map(ownerOf);
    if (owners.every((owner) => owner === undefined)) return process(record, events, keepFrom);
    const records = await Promise.all(
      owners.map((owner) => (owner === undefined ? record : recordFor(record, owner.source, owner.rev))),
    );
    const results: EventResult[] = [];
    const wake: Wake[] = [];
    // What stands together is processed together: the order is the events'.
    for (let start = 0; start < events.length; ) {
      const own = records[start] ?? record;
      let end = start + 1;
      while (end < events.length && records[end] === own) end++;
      const owner = own === record ? undefined : owners[start];
      const answer = await process(own, events.slice(start, end).map(withPlainKey), keepFrom);
      results.push(...answer.results);
      wake.push(...(answer.wake ?? []).map((each) => (owner === undefined ? each : withOwner(each, owner))));
      start = end;
    }
    return { results, ...(wake.length > 0 && { wake }) };
  };
}

/** The source, asked for again when what is known of it is another revision than the connector's. */
async function atLeast(sources: AskableSources, id: string, rev: string): Promise<SourceRecord | undefined> {
  const known = await sources.get(id);
  if (known?.rev === rev) return known;
  sources.changed(id);
  return sources.get(id);
}

/** Whose descriptor an event is processed by. */
interface Owner {
  readonly source: string;
  readonly rev: string;
}

function ownerOf(event: CloudEvent): Owner | undefined {
  if (event.type === EVENT_TYPE.timer) return timerOf(event)?.owner;
  const rev = event[SOURCE_REV_ATTRIBUTE];
  return typeof rev === 'string' ? { source: event.source, rev } : undefined;
}

/** A timer that windows of a source's own descriptor ask for: when it comes it says of itself whose it is. */
function withOwner({ key, at }: Wake, { source, rev }: Owner): Wake {
  return { key: `${key}@${source}@${rev}`, at };
}

const OWNED_KEY = /^([^@]+)@(.+)@([^@]+)$/s;

function timerOf({ data }: CloudEvent): { readonly key: string; readonly owner: Owner } | undefined {
  const key = isRecord(data) ? data.key : undefined;
  const [, own, source, rev] = (typeof key === 'string' && OWNED_KEY.exec(key)) || [];
  return own === undefined || source === undefined || rev === undefined
    ? undefined
    : { key: own, owner: { source, rev } };
}

function withPlainKey(event: CloudEvent): CloudEvent {
  const timer = event.type === EVENT_TYPE.timer ? timerOf(event) : undefined;
  return timer === undefined ? event : { ...event, data: { ...Object(event.data), key: timer.key } };
}

function withDescriptor(record: ScenarioRecord, descriptor: DataDescriptor): ScenarioRecord {
  const { scenario } = record;
  const { ingestion_definition: ingestion } = scenario.scenario_definition;
  if (ingestion === undefined) return record;
  const own = { ...ingestion, data_descriptor: descriptor };
  return {
    ...record,
    scenario: { ...scenario, scenario_definition: { ...scenario.scenario_definition, ingestion_definition: own } },
  };
}
