import assert from 'node:assert/strict';
import type { NotificationRule } from '#lib/scenario/scenario.ts';
import { type GroupState, NEW_GROUP, type Telling } from '../../../../functions/notification/when/group-state.ts';
import {
  forgetTold,
  type Input,
  LATE_IN_A_ROW,
  type Step,
  step,
} from '../../../../functions/notification/when/step.ts';
import { type Timing, timingOf } from '../../../../functions/notification/when/timing.ts';

const BASE = { rule_name: 'r', rule_content: 'True', notification_id: 'n' };

function timing(options: Partial<NotificationRule>): Timing {
  const found = timingOf({ ...BASE, ...options });
  assert.ok(found, 'a rule with a memory');
  return found;
}

/** A message at a second; `on` holds, `off` clears, `mid` does neither. Its sequence is its place in the list. */
type Moment = readonly [seconds: number, what: 'on' | 'off' | 'mid' | 'timer'];

function inputOf([seconds, what]: Moment, i: number): Input {
  const sequence = i + 1;
  const time = seconds * 1000;
  if (what === 'timer') return { kind: 'timer', sequence, time };
  const context = { correlationId: `c${sequence}`, source: 's', data: null };
  return {
    kind: 'message',
    sequence,
    id: `m${sequence}`,
    time,
    held: what === 'on',
    cleared: what === 'off',
    context,
  };
}

function run(options: Partial<NotificationRule>, inputs: readonly Input[], from: GroupState = NEW_GROUP) {
  const steps: Step[] = [];
  let state = from;
  for (const input of inputs) {
    const done = step(state, timing(options), input);
    steps.push(done);
    state = done.state;
  }
  return { state, steps, tellings: steps.flatMap(({ tellings }) => tellings) };
}

/** What was told as `kind@second`, in order. */
function told(options: Partial<NotificationRule>, moments: readonly Moment[]): string[] {
  return run(options, moments.map(inputOf)).tellings.map(text);
}

const text = ({ kind, at }: Telling) => `${kind}@${at / 1000}`;

/** A generator of numbers from 0 to 1 that is the same in each run (mulberry32). */
function randomFrom(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe('timingOf', () => {
  it('is undefined for a rule that needs no memory, whatever it says of itself', () => {
    assert.equal(timingOf(BASE), undefined);
    assert.equal(
      timingOf({ ...BASE, severity: 'error', message: 'm', group_by: 'source', notify_on: 'every' }),
      undefined,
    );
    assert.equal(timingOf({ ...BASE, for_seconds: 0, for_count: 1, cooldown_seconds: 0, resolve: false }), undefined);
  });
});

describe('step: notify_on', () => {
  it('change tells once for as long as the rule holds, and again the next time', () => {
    const moments: Moment[] = [
      [0, 'on'],
      [1, 'on'],
      [2, 'off'],
      [3, 'off'],
      [4, 'on'],
      [5, 'on'],
    ];
    assert.deepEqual(told({ notify_on: 'change' }, moments), ['open@0', 'open@4']);
  });

  it('every tells with each message', () => {
    const moments: Moment[] = [
      [0, 'on'],
      [1, 'on'],
      [2, 'off'],
      [3, 'on'],
    ];
    assert.deepEqual(told({ resolve: true }, moments), ['open@0', 'again@1', 'end@2', 'open@3']);
  });

  it('leaves the state alone while nothing changes, so that nothing is written', () => {
    const { state } = run({ notify_on: 'change' }, [inputOf([0, 'on'], 0)]);
    assert.equal(step(state, timing({ notify_on: 'change' }), inputOf([1, 'on'], 1)).state, state);
    assert.equal(step(NEW_GROUP, timing({ notify_on: 'change' }), inputOf([1, 'off'], 1)).state, NEW_GROUP);
  });
});

describe('step: resolve', () => {
  it('tells the end of what was told', () => {
    assert.deepEqual(
      told({ notify_on: 'change', resolve: true }, [
        [0, 'on'],
        [1, 'off'],
        [2, 'off'],
      ]),
      ['open@0', 'end@1'],
    );
  });

  it('does not tell the end of what was never told', () => {
    const options = { notify_on: 'change', resolve: true, cooldown_seconds: 10 } as const;
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [1, 'off'],
        [2, 'on'],
        [3, 'off'],
      ]),
      ['open@0', 'end@1'],
    );
  });
});

describe('step: for_seconds and for_count', () => {
  it('counts once the rule has held so long, by a message', () => {
    assert.deepEqual(
      told({ notify_on: 'change', for_seconds: 3 }, [
        [0, 'on'],
        [2, 'on'],
        [3, 'on'],
        [4, 'on'],
      ]),
      ['open@3'],
    );
  });

  it('starts anew when it stops holding before that', () => {
    const moments: Moment[] = [
      [0, 'on'],
      [2, 'off'],
      [2.5, 'on'],
      [5, 'on'],
      [5.5, 'on'],
    ];
    assert.deepEqual(told({ notify_on: 'change', for_seconds: 3 }, moments), ['open@5.5']);
  });

  it('counts by a timer when no message comes', () => {
    const { steps } = run(
      { notify_on: 'change', for_seconds: 3 },
      (
        [
          [0, 'on'],
          [3, 'timer'],
        ] as Moment[]
      ).map(inputOf),
    );
    assert.equal(steps[0]?.wakeInMs, 3000);
    assert.deepEqual(steps[1]?.tellings, [
      { kind: 'open', alert: 1, at: 3000, openedAt: 3000, context: { correlationId: 'c1', source: 's', data: null } },
    ]);
  });

  it('happens at its own time when a later message shows it', () => {
    const options = { notify_on: 'change', for_seconds: 3, resolve: true } as const;
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [9, 'off'],
      ]),
      ['open@3', 'end@9'],
    );
  });

  it('counts messages in a row', () => {
    const moments: Moment[] = [
      [0, 'on'],
      [0, 'on'],
      [0, 'off'],
      [1, 'on'],
      [1, 'on'],
      [1, 'on'],
      [1, 'on'],
    ];
    const { steps } = run({ notify_on: 'change', for_count: 3 }, moments.map(inputOf));
    assert.deepEqual(
      steps.map(({ tellings }) => tellings.length),
      [0, 0, 0, 0, 0, 1, 0],
    );
  });

  it('asks for both when both are given', () => {
    const options = { notify_on: 'change', for_seconds: 3, for_count: 3 } as const;
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [5, 'on'],
        [6, 'on'],
      ]),
      ['open@6'],
    );
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [1, 'on'],
        [2, 'on'],
        [9, 'on'],
      ]),
      ['open@3'],
    );
  });

  it('every begins once it counts', () => {
    assert.deepEqual(
      told({ for_count: 2 }, [
        [0, 'on'],
        [1, 'on'],
        [2, 'on'],
        [3, 'off'],
      ]),
      ['open@1', 'again@2'],
    );
  });
});

describe('step: clear_content', () => {
  it('goes on holding in between, and ends when it is cleared', () => {
    const moments: Moment[] = [
      [0, 'mid'],
      [1, 'on'],
      [2, 'mid'],
      [3, 'on'],
      [4, 'mid'],
      [5, 'off'],
      [6, 'mid'],
    ];
    assert.deepEqual(told({ notify_on: 'change', resolve: true, clear_content: 'x' }, moments), ['open@1', 'end@5']);
  });

  it('every tells with each message in between as well', () => {
    assert.deepEqual(
      told({ clear_content: 'x' }, [
        [0, 'on'],
        [1, 'mid'],
        [2, 'off'],
        [3, 'mid'],
      ]),
      ['open@0', 'again@1'],
    );
  });
});

describe('step: cooldown_seconds', () => {
  it('every tells at most once in that time', () => {
    const moments = Array.from({ length: 31 }, (_, i): Moment => [i, 'on']);
    assert.deepEqual(told({ cooldown_seconds: 10 }, moments), ['open@0', 'again@10', 'again@20', 'again@30']);
  });

  it('change tells what began meanwhile when it is over, if it still holds then', () => {
    const options = { notify_on: 'change', cooldown_seconds: 10 } as const;
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [1, 'off'],
        [2, 'on'],
        [3, 'off'],
        [12, 'off'],
      ]),
      ['open@0'],
    );
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [1, 'off'],
        [2, 'on'],
        [12, 'off'],
      ]),
      ['open@0', 'open@10'],
    );
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [1, 'off'],
        [2, 'on'],
        [10, 'timer'],
      ]),
      ['open@0', 'open@10'],
    );
  });

  it('a flapping signal of 1,000 crossings gives a notification per cool-down', () => {
    // Half a second on, half a second off.
    const moments = Array.from({ length: 2000 }, (_, i): Moment => [i / 2, i % 2 === 0 ? 'on' : 'off']);
    assert.equal(told({ notify_on: 'change' }, moments).length, 1000);
    const cooled = told({ notify_on: 'change', cooldown_seconds: 60 }, moments);
    assert.deepEqual(
      cooled,
      Array.from({ length: 17 }, (_, i) => `open@${i * 60}`),
    );
    const ends = told({ notify_on: 'change', cooldown_seconds: 60, resolve: true }, moments);
    assert.equal(ends.length, 34);
  });

  it('a flapping signal within the hysteresis gives one notification', () => {
    const moments = Array.from({ length: 2000 }, (_, i): Moment => [i, i % 2 === 0 ? 'on' : 'mid']);
    assert.deepEqual(told({ notify_on: 'change', clear_content: 'x', resolve: true }, moments), ['open@0']);
  });

  it('a flapping signal never holds long enough', () => {
    const moments = Array.from({ length: 2000 }, (_, i): Moment => [i, i % 2 === 0 ? 'on' : 'off']);
    assert.deepEqual(told({ notify_on: 'change', for_seconds: 1.5 }, moments), []);
    assert.deepEqual(told({ notify_on: 'change', for_count: 2 }, moments), []);
  });
});

describe('step: resolve_after_seconds', () => {
  const options = { notify_on: 'change', resolve: true, resolve_after_seconds: 10 } as const;

  it('ends after so long without a message, by a timer that is asked for again when it comes early', () => {
    const moments: Moment[] = [
      [0, 'on'],
      [6, 'on'],
      [10, 'timer'],
      [16, 'timer'],
    ];
    const { steps, tellings } = run(options, moments.map(inputOf));
    assert.deepEqual(tellings.map(text), ['open@0', 'end@16']);
    assert.deepEqual(
      steps.map(({ wakeInMs }) => wakeInMs),
      [10_000, undefined, 6000, undefined],
    );
    assert.equal(steps.at(-1)?.state.phase, 'idle');
  });

  it('ends what was only on its way as well', () => {
    assert.deepEqual(
      told({ ...options, for_seconds: 30 }, [
        [0, 'on'],
        [20, 'on'],
        [29, 'on'],
        [40, 'on'],
      ]),
      [],
    );
  });

  it('begins anew with the message that comes after the silence', () => {
    assert.deepEqual(
      told(options, [
        [0, 'on'],
        [15, 'on'],
      ]),
      ['open@0', 'end@10', 'open@15'],
    );
  });
});

describe('step: what comes twice, late or with a wrong clock', () => {
  const options = { notify_on: 'change', resolve: true } as const;

  it('a message that was processed gives the same tellings again and changes nothing', () => {
    const inputs = (
      [
        [0, 'on'],
        [1, 'off'],
        [2, 'on'],
      ] as Moment[]
    ).map(inputOf);
    const { state, steps } = run(options, inputs);
    inputs.forEach((input, i) => {
      const repeated = step(state, timing(options), input);
      assert.deepEqual(repeated.tellings, steps[i]?.tellings);
      assert.equal(repeated.state, state);
    });
  });

  it('a message that is sent again under another sequence is not counted', () => {
    const first = inputOf([0, 'on'], 0);
    const { state } = run({ for_count: 2 }, [first]);
    const again = step(state, timing({ for_count: 2 }), { ...first, sequence: 2 });
    assert.deepEqual([again.state, again.tellings, again.ignored], [state, [], 'repeated']);
  });

  it('a message a little behind counts at the time of the clock', () => {
    assert.deepEqual(
      told(options, [
        [100, 'on'],
        [70, 'off'],
      ]),
      ['open@100', 'end@100'],
    );
  });

  it('a message far behind is not counted', () => {
    const { tellings, steps } = run(
      options,
      (
        [
          [100, 'on'],
          [39, 'off'],
          [101, 'on'],
        ] as Moment[]
      ).map(inputOf),
    );
    assert.deepEqual(tellings.map(text), ['open@100']);
    assert.deepEqual(
      steps.map(({ ignored }) => ignored),
      [undefined, 'late', undefined],
    );
  });

  it('a clock that was set back is believed after a while', () => {
    const late = Array.from({ length: LATE_IN_A_ROW }, (_, i): Moment => [1000 + i, 'off']);
    const last = 1000 + LATE_IN_A_ROW - 1;
    assert.deepEqual(told(options, [[9000, 'on'], ...late, [1020, 'on']]), ['open@9000', `end@${last}`, 'open@1020']);
  });

  it('forgetTold drops what will not come again, but for the last few', () => {
    const moments = Array.from({ length: 500 }, (_, i): Moment => [i, 'on']);
    const { state } = run({ resolve: true }, moments.map(inputOf));
    assert.equal(state.told.length, 500);
    assert.equal(forgetTold(state, 300).told[0]?.sequence, 300);
    assert.equal(forgetTold(state, 1000).told.length, 16);
    assert.equal(forgetTold(state, 1), state);
  });
});

describe('step: random signals', () => {
  const RULES: Partial<NotificationRule>[] = [
    { notify_on: 'change', resolve: true },
    { notify_on: 'change', resolve: true, for_seconds: 4, cooldown_seconds: 7 },
    { notify_on: 'change', resolve: true, for_count: 3, clear_content: 'x' },
    { notify_on: 'every', resolve: true, cooldown_seconds: 5, for_seconds: 2 },
    { notify_on: 'change', resolve: true, resolve_after_seconds: 6, for_seconds: 3, for_count: 2 },
    { notify_on: 'change', resolve: true, resolve_after_seconds: 5, cooldown_seconds: 30, clear_content: 'x' },
  ];

  function signal(seed: number): Moment[] {
    const random = randomFrom(seed);
    let seconds = 0;
    return Array.from({ length: 300 }, (): Moment => {
      seconds += Math.floor(random() ** 3 * 12);
      return [seconds, random() < 0.4 ? 'on' : random() < 0.5 ? 'off' : 'mid'];
    });
  }

  it('tell the same however often messages are processed again', () => {
    for (const [i, options] of RULES.entries()) {
      const inputs = signal(i + 1).map(inputOf);
      const whole = run(options, inputs);
      const random = randomFrom(99);
      let state = NEW_GROUP;
      const seen = new Map<number, readonly Telling[]>();
      for (let at = 0; at < inputs.length; ) {
        // A crash: what was done is kept, some of the last messages come again.
        const begin = Math.max(0, at - Math.floor(random() * 20));
        const end = Math.min(inputs.length, at + 1 + Math.floor(random() * 20));
        for (const input of inputs.slice(begin, end)) {
          const done = step(state, timing(options), input);
          assert.deepEqual(done.tellings, seen.get(input.sequence) ?? done.tellings);
          seen.set(input.sequence, done.tellings);
          state = JSON.parse(JSON.stringify(done.state)) as GroupState;
        }
        at = end;
      }
      assert.deepEqual([...seen.values()].flat(), whole.tellings, JSON.stringify(options));
    }
  });

  it('tell the same whether timers come in time or not at all', () => {
    for (const [i, options] of RULES.entries()) {
      const moments = signal(i + 50);
      const last: Moment = [(moments.at(-1)?.[0] ?? 0) + 1000, 'off'];
      const without = told(options, [...moments, last]);
      let state = NEW_GROUP;
      const found: string[] = [];
      let sequence = 0;
      const apply = (input: Input) => {
        const done = step(state, timing(options), { ...input, sequence: ++sequence });
        found.push(...done.tellings.map(text));
        state = done.state;
      };
      for (const moment of [...moments, last]) {
        const input = inputOf(moment, 0);
        while (state.wakeAt !== undefined && state.wakeAt < input.time) {
          apply({ kind: 'timer', sequence: 0, time: state.wakeAt });
        }
        apply({ ...input, ...(input.kind === 'message' && { id: `m${sequence}` }) });
      }
      assert.deepEqual(found, without, JSON.stringify(options));
    }
  });

  it('open and end take turns', () => {
    for (const [i, options] of RULES.entries()) {
      let isOpen = false;
      for (const { kind } of run(options, signal(i + 100).map(inputOf)).tellings) {
        assert.equal(kind === 'open', !isOpen);
        isOpen = kind !== 'end';
      }
    }
  });
});
