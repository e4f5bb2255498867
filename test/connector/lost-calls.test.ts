import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { FeaturesBody } from '#lib/message/body.ts';
import { type Gateway, openGateway } from '../../local/gateway/gateway.ts';
import { freePort } from '../../local/server/free-port.ts';
import { described } from '../functions/ingestion/feature-maker.ts';
import { deployedFunction } from '../support/deployed-function.ts';
import { killBoxFunction, startBoxFunction } from './box-function.ts';
import { type Call, echo, type Fixture, jsonOf, openFixture, record, type TestFunction } from './fixture.ts';
import { openSilentForwarder, type SilentForwarder } from './silent-forwarder.ts';

/** Far longer than a test may take: only what is found out before it lets a call be made again. */
const NEVER_MS = 600_000;

/** How often a call of this function was given up. */
async function lostCalls({ metrics }: Fixture, name: string): Promise<number> {
  const metric = await metrics.registry.getSingleMetric('box_connector_lost_calls_total')?.get();
  return metric?.values.find(({ labels }) => labels.function === name)?.value ?? 0;
}

describe('connector: a function that goes away without a word', () => {
  const scenario = described('mute', [
    { feature_name: 'n', feature_type: 'numerictype', feature_params: { from: { field: 'n' } } },
  ]);
  let port: number;
  let forwarder: SilentForwarder;
  let gateway: Gateway;
  let box: Fixture;
  let child: ChildProcess;

  before(async () => {
    port = await freePort();
    forwarder = await openSilentForwarder(port);
    const ingestion = deployedFunction('ingestion', forwarder.url);
    gateway = await openGateway({
      functions: { find: (name) => (name === 'ingestion' ? ingestion : undefined), list: () => [ingestion] },
      login: { user: 'admin', password: 'secret' },
      upstreamTimeoutMs: NEVER_MS,
    });
    box = await openFixture({ invocationTimeoutMs: NEVER_MS }, gateway.url);
    box.gateway.functions.set('orchestrator', () => ({ status: 200, body: JSON.stringify(scenario) }));
    child = await startBoxFunction('ingestion', port, box);
  });

  after(async () => {
    await killBoxFunction(child);
    await box.close();
    await gateway.close();
    await forwarder.close();
  });

  it('is found out by the youth of the process that answers: every signal has one output, long before the time is up', async () => {
    await box.put(scenario);
    await box.send('mute-in', { n: 0 });
    await box.receive('mute-out', 1);
    for (let kills = 1; kills <= 2; kills++) {
      const swallowed = forwarder.silence();
      for (let n = 1; n <= 10; n++) await box.send('mute-in', { n: (kills - 1) * 10 + n });
      await swallowed;
      await killBoxFunction(child);
      forwarder.heal();
      child = await startBoxFunction('ingestion', port, box);
      await box.receive('mute-out', 1 + kills * 10);
    }
    await box.idle('mute');
    const values = (await box.all('mute-out')).map((made) => (jsonOf(made) as FeaturesBody).feature_data[0]?.data);
    assert.deepEqual(
      values.flat(2),
      Array.from({ length: 21 }, (_, n) => n),
    );
    assert.equal(await lostCalls(box, 'ingestion'), 2);
    assert.equal((await box.deadLetters.list({}, { limit: 1 })).total, 0);
  });
});

describe('connector: a call that takes long', () => {
  let box: Fixture;

  before(async () => {
    box = await openFixture({ invocationTimeoutMs: NEVER_MS });
  });

  after(() => box.close());

  const isProbe = ({ path }: Call) => path.endsWith('/healthz');
  const uptime = (seconds: number) => ({ 'box-uptime-seconds': seconds.toFixed(3) });

  it('is left alone while its process answers, and nobody is asked who does not tell how long he has lived', async () => {
    const long = Promise.withResolvers<void>();
    // As the platform answers that has nobody to ask, then as the process that has the calls.
    const answers = [{ status: 502 }, { status: 200 }];
    const ofOurs: TestFunction = async (call) => {
      if (isProbe(call)) {
        const answer = answers.shift();
        if (answer !== undefined) return { ...answer, ...(answer.status === 200 && { headers: uptime(1000) }) };
        long.resolve();
        return { status: 503, headers: uptime(1000) };
      }
      if (call.body.toString() !== '"first"') await long.promise;
      const { headers, ...answer } = await echo(call);
      return { ...answer, headers: { ...headers, ...uptime(1000) } };
    };
    const ofAnother: TestFunction = async (call) => {
      if (call.body.toString() !== '"first"') await long.promise;
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: call.body };
    };
    for (const [name, handler] of Object.entries({ ours: ofOurs, another: ofAnother })) {
      box.gateway.functions.set(name, handler);
      await box.put(record(name, { ingestion: { in: `${name}_in`, out: `${name}_out`, function: name } }));
      await box.send(`${name}_in`, 'first');
      await box.receive(`${name}_out`, 1);
    }
    for (const name of ['another', 'ours']) await box.send(`${name}_in`, 'long');
    for (const name of ['another', 'ours']) await box.receive(`${name}_out`, 2);
    const seen = box.gateway.calls.map((call) => `${call.name} ${isProbe(call) ? 'probe' : 'call'}`);
    const asked = ['ours probe', 'ours probe', 'ours probe'];
    assert.deepEqual(seen.toSorted(), ['another call', 'another call', 'ours call', 'ours call', ...asked]);
    assert.equal(await lostCalls(box, 'ours'), 0);
  });

  it('is made once more when another replica answers that is younger, and no more often', async () => {
    const long = Promise.withResolvers<void>();
    let calls = 0;
    /** When the replica began to live that answers the probes; the other is old. */
    let bornMs: number | undefined;
    box.gateway.functions.set('replicas', async (call) => {
      if (isProbe(call)) {
        bornMs ??= performance.now();
        if (calls === 3) long.resolve();
        return { status: 200, headers: uptime((performance.now() - bornMs) / 1000) };
      }
      calls++;
      if (calls > 1) await long.promise;
      return { ...(await echo(call)), headers: { 'content-type': 'application/json', ...uptime(1000) } };
    });
    await box.put(record('replicas', { ingestion: { in: 'replicas_in', out: 'replicas_out', function: 'replicas' } }));
    await box.send('replicas_in', 'first');
    await box.receive('replicas_out', 1);
    await box.send('replicas_in', 'long');
    await box.receive('replicas_out', 2);
    await box.idle('replicas');
    assert.deepEqual((await box.all('replicas_out')).map(jsonOf), ['first', 'long']);
    assert.deepEqual([calls, await lostCalls(box, 'replicas')], [3, 1]);
  });
});
