import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { compileRule } from '#lib/rules/compile.ts';
import { compileMessage } from '#lib/rules/message.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { type Child, startChild } from '../../local/server/child-process.ts';
import { untilReady } from '../../local/server/until-ready.ts';
import { eventsOf, type Fixture, jsonOf, openFixture, record, type TestFunction, until } from '../connector/fixture.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/python-functions', import.meta.url));

interface PythonFunction extends Pick<Child, 'stop'> {
  readonly url: string;
}

async function startPython(name: string, secretsDir: string): Promise<PythonFunction> {
  const child = await startChild({
    name,
    command: 'python3',
    args: ['-u', join(EXAMPLE, name, 'index.py')],
    env: { PATH: process.env.PATH, PORT: '0', SECRETS_DIR: secretsDir, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const port = await untilReady(child, async () => {
    const found = child.log.last(10).flatMap(({ text }) => /listening on (\d+)/.exec(text)?.[1] ?? [])[0];
    if (found === undefined) throw new Error('it does not listen yet');
    return found;
  });
  return { url: `http://127.0.0.1:${port}`, stop: child.stop };
}

/** What the gateway does: passes the call on. */
function passTo({ url }: PythonFunction): TestFunction {
  return async ({ headers, body }) => {
    const own = new Set(['host', 'content-length', 'connection', 'transfer-encoding']);
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name)));
    const answer = await request(url, { method: 'POST', headers: kept, body });
    const type = String(answer.headers['content-type']);
    return { status: answer.statusCode, headers: { 'content-type': type }, body: await answer.body.text() };
  };
}

/** A sine of an amplitude: crest factor √2, kurtosis 1.5. */
const sine = (amplitude: number) => Array.from({ length: 64 }, (_, i) => amplitude * Math.sin((2 * Math.PI * i) / 16));

describe('example: functions in Python', () => {
  let box: Fixture;
  let functions: PythonFunction[] = [];
  let scenario: ScenarioRecord;

  before(async () => {
    box = await openFixture();
    const file = JSON.parse(await readFile(join(EXAMPLE, 'scenario.json'), 'utf8'));
    scenario = { ...record('bearing', {}), scenario: { ...parseScenario(file), _id: 'bearing' } };
    functions = await Promise.all(['vibration', 'score'].map((name) => startPython(name, box.secretsDir)));
    const [vibration, score] = functions;
    assert(vibration && score);
    box.gateway.functions.set('vibration', passTo(vibration)).set('score', passTo(score));
    // The rules are The Box's own function's business; here its topic is read before it.
    box.gateway.functions.set('notification', () => ({ status: 503 }));
    await box.put(scenario);
  });

  after(async () => {
    await Promise.all(functions.map((one) => one.stop()));
    await box?.close();
  });

  it('turn signals into predictions, which the rule of the scenario understands', async () => {
    await box.send('bearing_vibration.pump', sine(2));
    await box.send('bearing_vibration.pump', sine(2.9));
    const [calm, worn] = (await box.receive('bearing_predictions', 2)).map(jsonOf);
    const { prediction_data: prediction } = calm as { prediction_data: { score: { data: number[][] } } };
    // RMS of a sine is its amplitude by √2: (2/√2 - 1.2)/0.2.
    assert(Math.abs((prediction.score.data[0]?.[0] ?? 0) - (Math.SQRT2 - 1.2) / 0.2) < 1e-9);
    const [rule] = scenario.scenario.scenario_definition.notification_definition?.rules ?? [];
    assert(rule?.message !== undefined);
    const held = (body: unknown) =>
      compileRule(rule.rule_content).evaluate({ prediction: Object(body).prediction_data, source: 'pump' }).truthy;
    assert.deepEqual([calm, worn].map(held), [false, true]);
    assert.match(
      compileMessage(rule.message).render({ prediction: Object(worn).prediction_data, source: 'pump' }),
      /^pump: 4\.3 /,
    );
  });

  it('the batch-aware one gets batches and fails events one by one; the other gets one at a time', async () => {
    await box.put({ ...scenario, rev: '2-a', paused: true });
    const signals = [sine(1), 'no list', sine(1.1), [5, 5, 5], sine(1.2)];
    for (const signal of signals) await box.send('bearing_vibration', signal);
    const before = box.gateway.calls.length;
    await box.put({ ...scenario, rev: '3-a', paused: false });
    await box.receive('bearing_predictions', 5);
    const calls = box.gateway.calls.slice(before);
    const batches = calls.filter(({ name }) => name === 'vibration').map((call) => eventsOf(call).length);
    assert.equal(
      batches.reduce((sum, size) => sum + size, 0),
      signals.length,
    );
    assert(batches.length < signals.length, `batches of ${batches}`);
    assert.equal(calls.filter(({ name, headers }) => name === 'score' && headers['ce-id'] !== undefined).length, 3);
    await until(async () => (await box.deadLetters.list({}, { limit: 9 })).total === 2, 'two dead letters');
    const { letters } = await box.deadLetters.list({}, { limit: 9 });
    assert.deepEqual(
      letters.map(({ stage, reason }) => [stage, reason]),
      [
        ['ingestion', 'the signal must be a list of at least two numbers'],
        ['ingestion', 'the signal must not be constant: the sensor seems to be stuck'],
      ],
    );
  });

  it('what the plain one refuses is a dead letter with its own words', async () => {
    await box.send('bearing_features', { feature_data: [{ feature_name: 'rms', data: 1 }] });
    await until(
      async () => (await box.deadLetters.list({ stage: 'inference' }, { limit: 1 })).total === 1,
      'a dead letter',
    );
    const { letters } = await box.deadLetters.list({ stage: 'inference' }, { limit: 1 });
    assert.match(letters[0]?.reason ?? '', /^400: .*the body must hold the features rms, crest, kurtosis/);
  });

  it('the batch-aware one asks for the key', async () => {
    const answer = await request(`${functions[0]?.url}/`, { method: 'POST', body: '[]' });
    await answer.body.dump();
    assert.equal(answer.statusCode, 403);
  });
});
