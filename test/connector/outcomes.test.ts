import assert from 'node:assert/strict';
import { answering, echo, type Fixture, jsonOf, openFixture, PATIENT, record, results, until } from './fixture.ts';

describe('connector: what becomes of an event', () => {
  let box: Fixture;

  before(async () => {
    box = await openFixture(PATIENT);
  });

  after(() => box.close());

  it('an event goes through three stages, with its correlation id, source and trace', async () => {
    box.gateway.functions.set('ingestion', echo).set('inference', echo).set('notification', echo);
    await box.put(
      record('chain', {
        ingestion: { in: 'chain.in', out: 'chain_features' },
        inference: { in: 'chain_features', out: 'chain_predictions' },
        notification: { in: 'chain_predictions', out: 'chain_notifications' },
      }),
    );
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await box.send('chain.in.cam', { n: 1 }, { id: 'signal-1', source: 'cam', type: 'thebox.signal', traceparent });
    const [message] = await box.receive('chain_notifications', 1);
    assert.deepEqual(jsonOf(message), { n: 1 });
    const { correlationid, source, type, datacontenttype, traceparent: trace } = message?.attributes ?? {};
    assert.deepEqual(
      [correlationid, source, type, datacontenttype, trace],
      ['signal-1', 'cam', 'thebox.notification', 'application/json', traceparent],
    );
    const call = box.gateway.calls.find(({ name }) => name === 'inference');
    assert.deepEqual(
      [call?.headers['box-scenario'], call?.headers['box-scenario-rev'], call?.headers['box-stage']],
      ['chain', '1-a', 'inference'],
    );
    assert.equal(call?.headers.authorization, 'Bearer secret-key');
    assert.equal(call?.headers.traceparent, traceparent);
  });

  it('a message without CloudEvents headers is given them', async () => {
    box.gateway.functions.set(
      'plain',
      answering((event) => [{ data: { ...event, data: event.data ?? event.data_base64 } }]),
    );
    await box.put(record('bare', { ingestion: { in: 'bare_in', out: 'bare_out', function: 'plain' } }));
    const { seq } = await box.send('bare_in', [1, 2]);
    await box.publisher.publish('bare_in.sensor.7', { attributes: {}, body: Buffer.from('not json') });
    const [first, second] = (await box.receive('bare_out', 2)).map(jsonOf) as Record<string, unknown>[];
    assert.deepEqual(
      [first?.id, first?.source, first?.type, first?.datacontenttype, first?.data],
      [String(seq), 'default', 'thebox.signal', 'application/json', [1, 2]],
    );
    assert.ok(!Number.isNaN(Date.parse(String(first?.time))));
    assert.deepEqual(
      [second?.source, second?.datacontenttype, second?.data],
      ['sensor.7', 'application/octet-stream', Buffer.from('not json').toString('base64')],
    );
  });

  it('what waits is sent as one batch, JSON as it is, other data as base64', async () => {
    const release = Promise.withResolvers<void>();
    const isHeld = Promise.withResolvers<void>();
    box.gateway.functions.set('batcher', async (call) => {
      if (call.events?.[0]?.data === 'held') {
        isHeld.resolve();
        await release.promise;
      }
      return echo(call);
    });
    await box.put(record('batch', { ingestion: { in: 'batch_in', out: 'batch_out', function: 'batcher' } }));
    await box.send('batch_in', 'first');
    await box.receive('batch_out', 1);
    await box.send('batch_in', 'held');
    await isHeld.promise;
    const prefetched = await box.followPrefetch('batch', 'ingestion', 42);
    for (let i = 0; i < 40; i++) await box.send('batch_in', { i });
    const image = {
      attributes: { id: 'i', source: 's', type: 't', datacontenttype: 'image/png' },
      body: Buffer.from([1, 2]),
    };
    await box.publisher.publish('batch_in', image);
    const liar = { attributes: { datacontenttype: 'application/json' }, body: Buffer.from('1},{"id":"forged"') };
    await box.publisher.publish('batch_in', liar);
    await prefetched();
    release.resolve();
    await box.receive('batch_out', 44);
    const calls = box.gateway.calls.filter(({ name }) => name === 'batcher');
    assert.deepEqual(
      calls.map(({ events }) => events?.length),
      [undefined, 1, 42],
    );
    const events = calls[2]?.events ?? [];
    assert.deepEqual(
      events.slice(0, 40).map(({ data }) => data),
      Array.from({ length: 40 }, (_, i) => ({ i })),
    );
    assert.equal(events[40]?.data_base64, Buffer.from([1, 2]).toString('base64'));
    assert.equal(events[41]?.data_base64, liar.body.toString('base64'));
    assert.equal(events[41]?.datacontenttype, 'application/json');
  });

  it('an event that is too large for a batch goes alone, in binary mode', async () => {
    box.gateway.functions.set('large', ({ body }) => ({ status: 200, body: String(body.length) }));
    await box.put(record('large', { ingestion: { in: 'large_in', out: 'large_out', function: 'large' } }));
    const attributes = { id: 'ä ö', source: 's', type: 't', datacontenttype: 'image/png' };
    await box.publisher.publish('large_in', { attributes, body: Buffer.alloc(3_000_000) });
    const [message] = await box.receive('large_out', 1);
    assert.equal(Buffer.from(message?.body ?? []).toString(), '3000000');
    const call = box.gateway.calls.find(({ name }) => name === 'large');
    assert.deepEqual([call?.headers['ce-id'], call?.headers['content-type']], ['%C3%A4%20%C3%B6', 'image/png']);
  });

  it('a permanent error goes to the dead letters with its reason, and the others go on', async () => {
    box.gateway.functions.set(
      'picky',
      answering((event) =>
        event.data === 3
          ? { error: { code: 'invalid_argument', message: 'three is not liked', retry: false } }
          : [{ data: event.data }],
      ),
    );
    await box.put(record('picky', { ingestion: { in: 'picky_in', out: 'picky_out', function: 'picky' } }));
    for (let i = 0; i < 6; i++) await box.send('picky_in', i, { id: `e${i}`, source: 's', type: 't' });
    assert.deepEqual((await box.receive('picky_out', 5)).map(jsonOf), [0, 1, 2, 4, 5]);
    await box.idle('picky');
    const { letters, total } = await box.deadLetters.list({ scenario: 'picky' }, { limit: 10 });
    assert.equal(total, 1);
    const [letter] = letters;
    assert.deepEqual(
      [
        letter?.code,
        letter?.reason,
        letter?.stage,
        letter?.attempts,
        letter?.subject,
        letter?.rev,
        letter?.attributes.id,
      ],
      ['invalid_argument', 'three is not liked', 'ingestion', 1, 'picky_in', '1-a', 'e3'],
    );
    assert.equal(Buffer.from((await box.deadLetters.show(letter?.seq ?? 0)).body).toString(), '3');
  });

  it('a retryable error is tried again in its place; after max_deliver it goes to the dead letters', async () => {
    const tries = new Map<unknown, number>();
    box.gateway.functions.set(
      'moody',
      answering((event) => {
        const count = (tries.get(event.data) ?? 0) + 1;
        tries.set(event.data, count);
        const fails = event.data === 'poison' || (event.data === 'moody' && count < 3);
        return fails ? { error: { code: 'unavailable', message: 'not now', retry: true } } : [{ data: event.data }];
      }),
    );
    await box.put(record('moody', { ingestion: { in: 'moody_in', out: 'moody_out', function: 'moody' } }));
    for (const value of ['a', 'moody', 'b', 'poison', 'c']) await box.send('moody_in', value);
    assert.deepEqual((await box.receive('moody_out', 4)).map(jsonOf), ['a', 'moody', 'b', 'c']);
    await box.idle('moody');
    assert.deepEqual([tries.get('a'), tries.get('moody'), tries.get('poison')], [1, 3, 3]);
    const { letters } = await box.deadLetters.list({ scenario: 'moody' }, { limit: 10 });
    assert.deepEqual(
      letters.map(({ code, attempts }) => [code, attempts]),
      [['unavailable', 3]],
    );
  });

  it('a batch that the function refuses as a whole is halved until the event at fault stands alone', async () => {
    box.gateway.functions.set('whole', (call) => {
      const list = call.events ?? [];
      if (call.events === undefined) return echo(call);
      if (list.some(({ data }) => data === 13)) return { status: 422, body: 'thirteen' };
      if (list.some(({ data }) => data === 17)) return { status: 500, body: 'crash' };
      return echo(call);
    });
    const scenario = record('whole', { ingestion: { in: 'whole_in', out: 'whole_out', function: 'whole' } });
    await box.put(scenario);
    await box.send('whole_in', -1);
    await box.receive('whole_out', 1);
    await box.put({ ...scenario, paused: true, rev: '2-b' });
    for (let i = 0; i < 30; i++) await box.send('whole_in', i);
    await box.put({ ...scenario, rev: '3-c' });
    const expected = Array.from({ length: 30 }, (_, i) => i).filter((i) => i !== 13 && i !== 17);
    assert.deepEqual((await box.receive('whole_out', 29)).map(jsonOf), [-1, ...expected]);
    await box.idle('whole');
    const { letters } = await box.deadLetters.list({ scenario: 'whole' }, { limit: 10 });
    assert.deepEqual(
      letters.map(({ code }) => code),
      ['http_422', 'http_500'],
    );
    assert.match(letters[1]?.reason ?? '', /crash.*3 tries/);
  });

  it('a function that is away is waited for, whatever that looks like, and nothing counts against the event', async () => {
    const away = [
      { status: 502 },
      { status: 503, body: 'No endpoints available' },
      { status: 500, headers: { 'x-openfaas-internal': 'of-watchdog' } },
      { status: 404, body: 'No such function: absent.' },
      { status: 429, headers: { 'retry-after': '0' } },
      {
        status: 401,
        headers: { 'content-type': 'application/problem+json' },
        body: '{"detail":"key","code":"unauthenticated"}',
      },
    ];
    await box.put(record('away', { ingestion: { in: 'away_in', out: 'away_out', function: 'absent' } }));
    await box.send('away_in', 'patience');
    box.gateway.functions.set('absent', (call) => away.shift() ?? echo(call));
    const [message] = await box.receive('away_out', 1);
    assert.equal(jsonOf(message), 'patience');
    assert.equal((await box.deadLetters.list({ scenario: 'away' }, { limit: 1 })).total, 0);
    const lastError = async () => (await box.status.stages()).find(({ scenario }) => scenario === 'away')?.lastError;
    await until(async () => (await lastError())?.code === 'unauthenticated', 'the last error to be told of');
  });

  it('a container that is being replaced is waited for, longer than failures are', async () => {
    const gone = Array.from({ length: 4 }, () => ({ status: 500, body: "Can't reach service for: replaced." }));
    box.gateway.functions.set('replaced', (call) => gone.shift() ?? echo(call));
    await box.put(record('replaced', { ingestion: { in: 'replaced_in', out: 'replaced_out', function: 'replaced' } }));
    await box.send('replaced_in', 'patience');
    const [message] = await box.receive('replaced_out', 1);
    assert.equal(jsonOf(message), 'patience');
    assert.equal((await box.deadLetters.list({ scenario: 'replaced' }, { limit: 1 })).total, 0);
  });

  it('429 with Retry-After is obeyed', async () => {
    const times: number[] = [];
    box.gateway.functions.set('busy', (call) => {
      times.push(performance.now());
      return times.length === 1 ? { status: 429, headers: { 'retry-after': '1' } } : echo(call);
    });
    await box.put(record('busy', { ingestion: { in: 'busy_in', out: 'busy_out', function: 'busy' } }));
    await box.send('busy_in', 1);
    await box.receive('busy_out', 1);
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990);
  });

  it('413 sends smaller batches, and an event that is too large alone goes to the dead letters', async () => {
    box.gateway.functions.set('narrow', (call) => (call.body.length > 500 ? { status: 413 } : echo(call)));
    const scenario = record(
      'narrow',
      { ingestion: { in: 'narrow_in', out: 'narrow_out', function: 'narrow' } },
      { paused: true },
    );
    await box.put(scenario);
    for (let i = 0; i < 16; i++) await box.send('narrow_in', i);
    await box.send('narrow_in', 'x'.repeat(600));
    await box.put({ ...scenario, paused: false, rev: '2-b' });
    await box.receive('narrow_out', 16);
    await box.idle('narrow');
    const { letters } = await box.deadLetters.list({ scenario: 'narrow' }, { limit: 10 });
    assert.deepEqual(
      letters.map(({ code }) => code),
      ['too_large'],
    );
  });

  it('an answer that breaks the contract counts as a failure', async () => {
    box.gateway.functions.set(
      'liar',
      answering(() => [{ data: 1 }]),
    );
    await box.put(record('liar', { ingestion: { in: 'liar_in', out: 'liar_out', function: 'liar' } }));
    await box.send('liar_in', 1);
    await box.receive('liar_out', 1);
    box.gateway.functions.set('liar', () => results([{ id: 'another', events: [] }]));
    await box.send('liar_in', 2);
    await box.idle('liar');
    const { letters } = await box.deadLetters.list({ scenario: 'liar' }, { limit: 10 });
    assert.deepEqual(
      letters.map(({ code }) => code),
      ['internal'],
    );
  });

  it('the largest message that the bus takes leaves a dead letter with its reason, without its data', async () => {
    box.gateway.functions.set('never', () => ({ status: 422, body: 'no '.repeat(1000) }));
    await box.put(record('huge', { ingestion: { in: 'huge_in', out: 'huge_out', function: 'never' } }));
    const attributes = { datacontenttype: 'application/octet-stream' };
    await box.publisher.publish('huge_in', { attributes, body: Buffer.alloc(10 * 1024 * 1024 - 60) });
    await until(
      async () => (await box.deadLetters.list({ scenario: 'huge' }, { limit: 1 })).total === 1,
      'a dead letter',
    );
    const [letter] = (await box.deadLetters.list({ scenario: 'huge' }, { limit: 1 })).letters;
    assert.deepEqual([letter?.code, letter?.bytes], ['http_422', 0]);
    assert.match(letter?.reason ?? '', /^422: no no/);
  });

  it('an output that is larger than the bus takes makes its event a dead letter', async () => {
    box.gateway.functions.set('grow', () => ({ status: 200, body: Buffer.alloc(11 * 1024 * 1024) }));
    await box.put(record('grow', { ingestion: { in: 'grow_in', out: 'grow_out', function: 'grow' } }));
    await box.send('grow_in', 1);
    await until(
      async () => (await box.deadLetters.list({ scenario: 'grow' }, { limit: 1 })).total === 1,
      'a dead letter',
    );
    assert.equal((await box.deadLetters.list({ scenario: 'grow' }, { limit: 1 })).letters[0]?.code, 'too_large');
  });

  it('two scenarios that share an in_topic each get every message', async () => {
    box.gateway.functions.set('echo', echo);
    await box.put(record('one', { ingestion: { in: 'shared', out: 'one_out', function: 'echo' } }));
    await box.put(record('two', { ingestion: { in: 'shared', out: 'two_out', function: 'echo' } }));
    for (let i = 0; i < 5; i++) await box.send('shared', i);
    assert.deepEqual((await box.receive('one_out', 5)).map(jsonOf), [0, 1, 2, 3, 4]);
    assert.deepEqual((await box.receive('two_out', 5)).map(jsonOf), [0, 1, 2, 3, 4]);
  });

  it('an event with no outputs is done with, and one with several publishes them in order', async () => {
    box.gateway.functions.set(
      'times',
      answering((event) => Array.from({ length: Number(event.data) }, (_, i) => ({ data: i }))),
    );
    await box.put(record('times', { ingestion: { in: 'times_in', out: 'times_out', function: 'times' } }));
    for (const n of [2, 0, 3]) await box.send('times_in', n);
    assert.deepEqual((await box.receive('times_out', 5)).map(jsonOf), [0, 1, 0, 1, 2]);
    await box.idle('times');
    assert.equal((await box.status.stages()).find(({ scenario }) => scenario === 'times')?.dead, 0);
  });
});

describe('connector: functions that know nothing of events', () => {
  let box: Fixture;

  before(async () => {
    box = await openFixture(PATIENT);
  });

  after(() => box.close());

  it('each gets one event per call, each answer is one output, none is asked twice', async () => {
    box.gateway.functions.set('upper', ({ body }) => ({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: body.toString().toUpperCase(),
    }));
    await box.put(record('upper', { inference: { in: 'upper_in', out: 'upper_out', function: 'upper' } }));
    for (let i = 0; i < 20; i++) await box.send('upper_in', `abc${i}`, { id: `s${i}`, source: 'cam', type: 't' });
    const outputs = await box.receive('upper_out', 20);
    assert.equal(Buffer.from(outputs[7]?.body ?? []).toString(), '"ABC7"');
    const { type, source, correlationid, datacontenttype } = outputs[7]?.attributes ?? {};
    assert.deepEqual([type, source, correlationid, datacontenttype], ['thebox.prediction', 'cam', 's7', 'text/plain']);
    assert.equal(box.gateway.calls.length, 20);
  });

  it('2xx without a body is no output, 4xx is permanent, 5xx is tried again', async () => {
    let failed = false;
    box.gateway.functions.set('status', ({ body }) => {
      const status = Number(body.toString());
      if (status !== 500 || failed) return status === 500 ? { status: 200, body: 'late' } : { status };
      failed = true;
      return { status };
    });
    await box.put(record('status', { inference: { in: 'status_in', out: 'status_out', function: 'status' } }));
    for (const status of [204, 200, 400, 500]) await box.send('status_in', status);
    await box.receive('status_out', 1);
    await box.idle('status');
    assert.equal((await box.all('status_out')).length, 1);
    const { letters } = await box.deadLetters.list({ scenario: 'status' }, { limit: 10 });
    assert.deepEqual(
      letters.map(({ code }) => code),
      ['http_400'],
    );
  });

  it('a function that reads batches alone is found out, and so is one that is replaced by another', async () => {
    box.gateway.functions.set('changing', (call) => (call.events === undefined ? { status: 400 } : echo(call)));
    await box.put(record('changing', { inference: { in: 'changing_in', out: 'changing_out', function: 'changing' } }));
    for (let i = 0; i < 3; i++) await box.send('changing_in', i);
    await box.receive('changing_out', 3);
    box.gateway.functions.set('changing', ({ body }) => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body,
    }));
    for (let i = 3; i < 6; i++) await box.send('changing_in', i);
    const outputs = await box.receive('changing_out', 6);
    assert.deepEqual(outputs.map(jsonOf), [0, 1, 2, 3, 4, 5]);
    assert.equal((await box.deadLetters.list({ scenario: 'changing' }, { limit: 1 })).total, 0);
  });
});
