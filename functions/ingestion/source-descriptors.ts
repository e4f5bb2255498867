import type { CloudEvent } from '#lib/message/cloud-event.ts';
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
    if (!events.some((event) => revOf(event) !== undefined)) return process(record, events, keepFrom);
    const records = await Promise.all(
      events.map((event) => {
        const rev = revOf(event);
        return rev === undefined ? record : recordFor(record, event.source, rev);
      }),
    );
    const results: EventResult[] = [];
    const wake: Wake[] = [];
    // What stands together is processed together: the order is the events'.
    for (let start = 0; start < events.length; ) {
      const own = records[start] ?? record;
      let end = start + 1;
      while (end < events.length && records[end] === own) end++;
      const answer = await process(own, events.slice(start, end), keepFrom);
      results.push(...answer.results);
      wake.push(...(answer.wake ?? []));
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

function revOf(event: CloudEvent): string | undefined {
  const rev = event[SOURCE_REV_ATTRIBUTE];
  return typeof rev === 'string' ? rev : undefined;
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
