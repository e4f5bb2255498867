import { deadLetterMessage } from '#lib/bus/dead-letter-headers.ts';
import { readHeader } from '#lib/bus/event-headers.ts';
import type { StageMessage } from '#lib/bus/stage-queue.ts';
import type { StreamMessage } from '#lib/bus/stored-publish.ts';
import { DEFAULT_SOURCE, type Entrance, entranceOf, quarantineSubject, stageSubject } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import type { Quotas } from '#lib/source/quotas.ts';
import type { RefusalReason, Refusals } from '#lib/source/refusals.ts';
import type { SeenSignatures } from '#lib/source/seen-signatures.ts';
import { readSignatureClaim, type Verified, verifySignature } from '#lib/source/signature.ts';
import {
  canSign,
  hasCredential,
  isSignature,
  isSourceProof,
  SOURCE_PROOF_ATTRIBUTE,
  type SourceProof,
  type SourceRecord,
} from '#lib/source/source.ts';
import { inputEvent, type Sender } from './input-event.ts';
import type { SourceRegistry } from './source-registry.ts';
import type { SourceSilence } from './source-silence.ts';
import type { SourceTallies } from './source-tallies.ts';
import type { EntrancePolicy, StagePlan } from './stage-plan.ts';

/** A message that may be processed; `sender` for a signal, which came from outside. */
export interface Admitted {
  readonly message: StageMessage;
  readonly sender?: Sender;
}

/** What becomes of messages where signals come in. */
export interface Admissions {
  readonly admitted: readonly Admitted[];
  /** What is done with: refused, put in quarantine, or for the connector itself. */
  readonly done: readonly StageMessage[];
  /** To be published before anything of this is acknowledged. */
  readonly publish: readonly StreamMessage[];
}

/** Decides whose signals a scenario takes. */
export interface Admission {
  /** @throws BoxError `unavailable` when the bus does not answer. */
  admit(plan: StagePlan, policy: EntrancePolicy, messages: readonly StageMessage[]): Promise<Admissions>;
}

export interface AdmissionParts {
  readonly registry: SourceRegistry;
  readonly tallies: SourceTallies;
  readonly silence: SourceSilence;
  readonly seen: SeenSignatures;
  readonly quotas: Quotas;
  readonly secrets: SecretFiles;
  readonly refusals: Refusals;
}

/** What was found out of one message. */
type Finding =
  | {
      readonly kind: 'signal';
      readonly sender: Sender;
      readonly record: SourceRecord | undefined;
      readonly isVouched: boolean;
    }
  | { readonly kind: 'refused'; readonly source: string; readonly reason: RefusalReason }
  | { readonly kind: 'held'; readonly source: string; readonly reason: string }
  /** Not from outside: a timer, or what was processed before. */
  | { readonly kind: 'own' };

export function openAdmission(parts: AdmissionParts): Admission {
  return {
    async admit(plan, policy, messages) {
      await parts.registry.ready;
      // Signatures are checked together, everything that depends on the order one by one.
      const findings = await Promise.all(messages.map((message) => identify(policy, message, parts)));
      const admitted: Admitted[] = [];
      const done: StageMessage[] = [];
      const publish: StreamMessage[] = [];
      messages.forEach((message, i) => {
        const finding = withinQuota(plan, message, findings[i] ?? { kind: 'own' }, parts);
        if (finding.kind === 'own') {
          const due = isTimer(plan, message) ? parts.silence.due(plan, message) : undefined;
          if (due === undefined) admitted.push({ message });
          else {
            publish.push(...due);
            done.push(message);
          }
        } else if (finding.kind === 'signal') {
          admitted.push({ message, sender: finding.sender });
          publish.push(...heard(plan, message, finding.record, parts));
        } else {
          done.push(message);
          if (finding.kind === 'held') publish.push(heldMessage(plan, policy, message, finding));
          else tellRefusal(plan, message, finding, parts);
        }
      });
      return { admitted, done, publish };
    },
  };
}

async function identify(policy: EntrancePolicy, message: StageMessage, parts: AdmissionParts): Promise<Finding> {
  const entrance = entranceOf(message.subject, policy.topics);
  if (entrance === undefined) return { kind: 'own' };
  if (entrance.kind === 'door') return fromDoor(policy, message, entrance, parts);
  const source = claimedSource(entrance, message, parts);
  const record = parts.registry.get(source);
  const verified = await verify(message, source, record, parts);
  if (verified !== undefined && 'kind' in verified) return verified;
  const proof: SourceProof | undefined = verified?.proof ?? (entrance.kind === 'source' ? 'token' : undefined);
  const refused = (reason: RefusalReason): Finding => ({ kind: 'refused', source, reason });

  if (policy.requireSignature && !isSignature(proof)) return refused('no_signature');
  if (record === undefined) {
    // A source that has shown a token was known a moment ago: it was removed.
    if (entrance.kind === 'source' || policy.unknownSources === 'refuse') return refused('unknown_source');
    if (policy.unknownSources === 'quarantine')
      return { kind: 'held', source, reason: `source ${source} is not known` };
  } else if (proof === undefined && hasCredential(record)) return refused('no_credential');
  return { kind: 'signal', sender: { source, proof, rev: descriptorRev(record) }, record, isVouched: false };
}

/** The door has checked what it publishes, by what it knew then. */
function fromDoor(
  policy: EntrancePolicy,
  message: StageMessage,
  { source = DEFAULT_SOURCE }: Entrance,
  { registry }: AdmissionParts,
): Finding {
  const given = message.attributes[SOURCE_PROOF_ATTRIBUTE];
  const proof = isSourceProof(given) ? given : 'key';
  if (policy.requireSignature && !isSignature(proof)) return { kind: 'refused', source, reason: 'no_signature' };
  const record = registry.get(source);
  return { kind: 'signal', sender: { source, proof, rev: descriptorRev(record) }, record, isVouched: true };
}

/** The revision of a source that has a data descriptor of its own. */
function descriptorRev(record: SourceRecord | undefined): string | undefined {
  return record?.source.data_descriptor === undefined ? undefined : record.rev;
}

/** Who the sender says that he is. A source that is known by the subject's tail is that one, whatever a header says. */
function claimedSource({ kind, source }: Entrance, { attributes }: StageMessage, { registry }: AdmissionParts): string {
  if (source !== undefined && (kind === 'source' || registry.get(source) !== undefined)) return source;
  return attributes.source || source || DEFAULT_SOURCE;
}

/** The signature, where the message has one and the source a key; a finding when it is not right. */
async function verify(
  message: StageMessage,
  source: string,
  record: SourceRecord | undefined,
  { secrets, seen }: AdmissionParts,
): Promise<Verified | Finding | undefined> {
  if (record === undefined || !canSign(record.source)) return undefined;
  const headers = message.headers();
  const claim = readSignatureClaim((name) => readHeader(headers, name));
  if (claim === undefined) return undefined;
  let verified: Verified;
  try {
    verified = await verifySignature(claim, message.body, record.source, secrets, message.storedMs);
  } catch (thrown) {
    const error = BoxError.from(thrown);
    if (error.code === 'unauthenticated') return { kind: 'refused', source, reason: 'bad_signature' };
    // The secret is not here. Nothing else of the scenario is to wait until somebody puts it in its place.
    if (error.code === 'unavailable') return { kind: 'held', source, reason: error.message };
    throw thrown;
  }
  if (await seen.take(record.id, verified.id, `seq.${message.seq}`)) return verified;
  return { kind: 'refused', source, reason: 'replayed' };
}

function withinQuota(plan: StagePlan, message: StageMessage, finding: Finding, parts: AdmissionParts): Finding {
  if (finding.kind !== 'signal' || finding.isVouched || finding.record === undefined) return finding;
  const { id, source } = finding.record;
  if (source.quota === undefined) return finding;
  const tally = parts.tallies.of(id, plan.scenarioId);
  // One that comes again was judged before.
  if (tally !== undefined && message.seq <= tally.seq) return finding;
  const { body, storedMs } = message;
  const key = `${plan.scenarioId} ${id}`;
  const exceeded = parts.quotas.take(key, source.quota, 1, body.length, storedMs, tally);
  return exceeded === undefined ? finding : { kind: 'refused', source: id, reason: 'quota' };
}

function heard(
  plan: StagePlan,
  message: StageMessage,
  record: SourceRecord | undefined,
  { tallies, silence }: AdmissionParts,
): readonly StreamMessage[] {
  if (record === undefined) return [];
  const { seq, storedMs, body } = message;
  // What the silence was, before this signal ends it.
  const told = silence.heard(plan, record, message);
  tallies.count(record.id, plan.scenarioId, plan.stage, { seq, storedMs, bytes: body.length });
  return told;
}

function heldMessage(
  plan: StagePlan,
  { topics }: EntrancePolicy,
  message: StageMessage,
  { source, reason }: { readonly source: string; readonly reason: string },
): StreamMessage {
  const { attributes } = inputEvent(message, plan.stage, topics, { source, proof: undefined });
  const { scenarioId: scenario, stage, rev } = plan;
  const time = new Date().toISOString();
  const death = { scenario, stage, rev, attempts: 0, code: 'permission_denied', reason, time };
  const letter = deadLetterMessage(`quarantine.${scenario}.${message.seq}`, message, attributes, death);
  return { ...letter, subject: quarantineSubject(scenario, source) };
}

function tellRefusal(
  { scenarioId: scenario, stage }: StagePlan,
  message: StageMessage,
  { source, reason }: { readonly source: string; readonly reason: RefusalReason },
  { refusals, registry, tallies }: AdmissionParts,
): void {
  const door = readHeader(message.headers(), 'Nmqtt-Pub') === undefined ? 'nats' : 'mqtt';
  refusals.refused({ door, reason, source, scenario });
  if (registry.get(source) !== undefined) tallies.refused(source, scenario, stage);
}

function isTimer({ scenarioId, stage }: StagePlan, { subject }: StageMessage): boolean {
  return subject === stageSubject(scenarioId, stage, 'timer');
}
