import { BoxError } from '#lib/error/box-error.ts';
import { checkApiKey, sameKey, sentKey } from '#lib/function/api-key.ts';
import type { FunctionRequest } from '#lib/function/route.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { API_KEY_SECRET, type SecretFiles } from '#lib/secret/secret-files.ts';
import type { DayBytes, Quotas } from '#lib/source/quotas.ts';
import type { RefusalReason, Refusals } from '#lib/source/refusals.ts';
import { BEGUN_MS, type SeenSignatures } from '#lib/source/seen-signatures.ts';
import { readSignatureClaim, type Verified, verifySignature } from '#lib/source/signature.ts';
import { canSign, isSignature, type SourceProof, type SourceRecord } from '#lib/source/source.ts';
import type { SourceClient } from '#lib/source/source-client.ts';
import { isToken } from '#lib/source/token.ts';
import { checkSourceName } from './source-name.ts';

/** Who hands in a signal, and what was made sure of. */
export interface Admission {
  readonly scenario: ScenarioRecord;
  /** The source as the path names it; undefined where it names none. */
  readonly source: string | undefined;
  /** The source as the orchestrator knows it; undefined for one that nobody has put. */
  readonly known: SourceRecord | undefined;
  readonly proof: SourceProof;
  /** The signature's own id, when the request has one that is right. */
  readonly signatureId: string | undefined;
  /** The signal will be put in quarantine: the source is not known. */
  readonly isHeld: boolean;
}

/** Decides who may hand in signals. */
export interface Gate {
  /**
   * Checks the credential of a request to `/signal/{scenario}[/{source}]`, and what the scenario asks of its sources.
   *
   * @throws BoxError `unauthenticated`, `permission_denied`, `not_found` without such a scenario, `unavailable`.
   */
  admit(request: FunctionRequest): Promise<Admission>;
  /**
   * Counts what is handed in against the source's quota, and takes its signature's id for as long as it is being stored.
   *
   * @throws BoxError `resource_exhausted` beyond the quota, `conflict` for a replay, `unavailable` while another stores the same.
   */
  charge(admission: Admission, signals: number, bytes: number): Promise<void>;
  /** What was charged is stored: its signature cannot be used again. */
  stored(admission: Admission): Promise<void>;
  /** What was charged could not be stored: its signature may be used again. */
  giveBack(admission: Admission): Promise<void>;
}

export interface GateParts {
  readonly scenarios: ScenarioClient;
  readonly sources: SourceClient;
  readonly secrets: SecretFiles;
  readonly seen: SeenSignatures;
  readonly quotas: Quotas;
  /** What a source has sent to a scenario today, as the connector counted. */
  readonly today: (source: string, scenario: string) => Promise<DayBytes | undefined>;
  readonly refusals: Refusals;
}

export function openGate(parts: GateParts): Gate {
  const { scenarios, sources, secrets, refusals } = parts;
  /** Tells of a refusal, and passes it on. */
  const reported = async <T>(source: string | undefined, scenario: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      const reason = thrown instanceof BoxError ? reasonOf(thrown) : undefined;
      if (reason !== undefined) refusals.refused({ door: 'http', reason, source: source ?? 'default', scenario });
      throw thrown;
    }
  };
  return {
    admit(request) {
      const { scenario: id = '', source } = request.params;
      return reported(source, id, async () => {
        const { known, proof, signatureId } = await identify(request, source, sources, secrets);
        const scenario = await scenarios.current(id);
        const isHeld = checkPolicy(scenario, source, known, proof);
        return { scenario, source, known, proof, signatureId, isHeld };
      });
    },
    charge(admission, signals, bytes) {
      const { scenario, known, signatureId } = admission;
      return reported(admission.source, scenario.id, async () => {
        if (known === undefined) return;
        await checkQuota(known, scenario.id, signals, bytes, parts);
        if (signatureId === undefined) return;
        const outcome = await parts.seen.begin(known.id, signatureId);
        if (outcome === 'replayed')
          throw refusal('conflict', 'replayed', 'a signal with this webhook-id was taken before');
        if (outcome === 'busy') throw busy();
      });
    },
    async stored({ known, signatureId }) {
      if (known !== undefined && signatureId !== undefined) await parts.seen.keep(known.id, signatureId);
    },
    async giveBack({ known, signatureId }) {
      if (known !== undefined && signatureId !== undefined) await parts.seen.giveBack(known.id, signatureId);
    },
  };
}

interface Identity {
  readonly known: SourceRecord | undefined;
  readonly proof: SourceProof;
  readonly signatureId: string | undefined;
}

async function identify(
  request: FunctionRequest,
  source: string | undefined,
  sources: SourceClient,
  secrets: SecretFiles,
): Promise<Identity> {
  const key = sentKey(request.headers);
  const claim = readSignatureClaim((name) => request.headers[name]);
  const isOurs = key !== undefined && sameKey(key, await secrets.read(API_KEY_SECRET));
  // Nobody without any credential makes us ask who he is.
  if (source === undefined || (key === undefined && claim === undefined)) {
    await checkApiKey(request.headers, secrets);
    if (source === undefined) return { known: undefined, proof: 'key', signatureId: undefined };
  }
  checkSourceName(source);
  const known = await sources.get(source);
  if (key !== undefined && !isOurs && !isToken(key, known?.token)) {
    throw refusal('permission_denied', 'wrong_token', 'the key is not valid for this source');
  }
  let verified: Verified | undefined;
  if (claim !== undefined && known !== undefined && canSign(known.source)) {
    verified = await verifySignature(claim, request.body, known.source, secrets, Date.now());
  }
  const proof = verified?.proof ?? (key === undefined ? undefined : isOurs ? 'key' : 'token');
  if (proof === undefined) {
    throw refusal('unauthenticated', 'no_credential', 'send a key, or a signature that the source has a key for');
  }
  return { known, proof, signatureId: verified?.id };
}

/** Whether the signal goes to quarantine. */
function checkPolicy(
  scenario: ScenarioRecord,
  source: string | undefined,
  known: SourceRecord | undefined,
  proof: SourceProof,
): boolean {
  const { unknown_sources: policy = 'allow', require_signature: isRequired } = scenario.scenario.scenario_definition;
  if (known === undefined && policy === 'refuse') {
    const what = source === undefined ? 'the path must name its source' : `source ${source} is not known`;
    throw refusal('permission_denied', 'unknown_source', `${what}, and scenario ${scenario.id} takes known ones alone`);
  }
  if (isRequired && !isSignature(proof)) {
    throw refusal('unauthenticated', 'no_signature', `scenario ${scenario.id} takes signed signals alone`);
  }
  return known === undefined && policy === 'quarantine';
}

async function checkQuota(
  known: SourceRecord,
  scenario: string,
  signals: number,
  bytes: number,
  { quotas, today }: GateParts,
): Promise<void> {
  const { quota } = known.source;
  if (quota === undefined) return;
  const key = `${scenario} ${known.id}`;
  const start = quotas.has(key) ? undefined : await today(known.id, scenario);
  const exceeded = quotas.take(key, quota, signals, bytes, Date.now(), start);
  if (exceeded === undefined) return;
  throw new BoxError('resource_exhausted', `Cannot take signal: source ${known.id} may send ${exceeded.rule}`, {
    retryAfterSeconds: exceeded.retryAfterSeconds,
    facts: { reason: 'quota' satisfies RefusalReason },
  });
}

/** Whether it is a replay shows when the other one is stored, or was not. */
function busy(): BoxError {
  const rule = 'a signal with this webhook-id must not be on its way already';
  return new BoxError('unavailable', `Cannot take signal: ${rule}`, { retryAfterSeconds: BEGUN_MS / 1000 });
}

function refusal(
  code: 'unauthenticated' | 'permission_denied' | 'conflict',
  reason: RefusalReason,
  rule: string,
): BoxError {
  return new BoxError(code, `Cannot take signal: ${rule}`, { facts: { reason } });
}

const REASONS: readonly RefusalReason[] = [
  'no_credential',
  'wrong_token',
  'bad_signature',
  'no_signature',
  'replayed',
  'unknown_source',
  'quota',
];

/** Why somebody was refused; undefined for an error that is none of his. */
function reasonOf({ code, facts }: BoxError): RefusalReason | undefined {
  const named = REASONS.find((reason) => reason === facts.reason);
  if (named !== undefined) return named;
  if (code === 'unauthenticated') return 'no_credential';
  return code === 'permission_denied' ? 'wrong_token' : undefined;
}
