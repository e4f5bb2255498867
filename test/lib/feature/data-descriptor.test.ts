import assert from 'node:assert/strict';
import { checkDataDescriptor, compileDataDescriptor } from '#lib/feature/data-descriptor.ts';
import type { Signal } from '#lib/feature/signal.ts';
import { encodePng } from '#lib/image/png.ts';
import { parseTensor } from '#lib/tensor/tensor.ts';
import { featureOf, problemsOf } from './compile.ts';
import { imageSignal, jsonSignal, textSignal } from './plain-signal.ts';

describe('feature without params', () => {
  it('is the field with its name in a JSON object, nested where the name has dots', async () => {
    assert.equal(await featureOf(jsonSignal({ x: 3 }), 'numerictype'), 3);
    assert.equal(await featureOf(jsonSignal({ a: { b: 4 } }), 'numerictype', undefined, 'a.b'), 4);
    assert.equal(await featureOf(jsonSignal({ 'a.b': 5, a: { b: 4 } }), 'numerictype', undefined, 'a.b'), 5);
    assert.equal(await featureOf(jsonSignal({ x: 'hi' }), 'stringtype'), 'hi');
  });

  it('is the whole body of any other signal', async () => {
    assert.deepEqual(await featureOf(jsonSignal([1, 2.5]), 'numpyarraytype'), [1, 2.5]);
    assert.equal(await featureOf(jsonSignal(7), 'numerictype'), 7);
    assert.equal(await featureOf(textSignal('12.5'), 'numerictype'), 12.5);
    assert.equal(await featureOf(textSignal('hello'), 'stringtype'), 'hello');
    const picture = encodePng({ width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    assert.deepEqual(await featureOf(imageSignal(picture), 'numpyarraytype'), [[[1, 4]], [[2, 5]], [[3, 6]]]);
  });

  it('takes params that are null, empty, or a remark, as the original may have written there', async () => {
    for (const params of [null, '', '{}', 'sum of the last window']) {
      assert.deepEqual(problemsOf(params), [], String(params));
    }
    assert.equal(await featureOf(jsonSignal({ x: 1 }), 'numerictype', '{"scale": 3}'), 3);
  });
});

describe('feature: from', () => {
  const signal = jsonSignal({ a: { 'b c': [10, 20, 30] }, list: [{ v: 1 }, { v: 2 }, { w: 3 }] });

  it('follows a JSONPath to one place or gives the list of what it finds', async () => {
    assert.equal(await featureOf(signal, 'numerictype', { from: "$.a['b c'][1]" }), 20);
    assert.equal(await featureOf(signal, 'numerictype', { from: '$.a["b c"][-1]' }), 30);
    assert.deepEqual(await featureOf(signal, 'numpyarraytype', { from: '$.list[*].v' }), [1, 2]);
    assert.deepEqual(await featureOf(signal, 'numpyarraytype', { from: '$.list[?@.v > 1].v' }), [2]);
  });

  it('says which place the signal lacks', async () => {
    for (const from of ['$.nothing', '$.list[9]', '$..nothing', '$.toString', '$.a.constructor']) {
      await assert.rejects(featureOf(signal, 'numpyarraytype', { from }), {
        code: 'invalid_argument',
        message: `Cannot make feature x: ${from} must be in the signal`,
      });
    }
    await assert.rejects(featureOf(jsonSignal({}), 'numerictype'), /field x must be in the signal/);
  });

  it('takes missing instead of an absent value and of null', async () => {
    const params = { from: '$.gone', missing: { value: [1, 2] } };
    assert.deepEqual(await featureOf(signal, 'numpyarraytype', params), [1, 2]);
    assert.equal(await featureOf(jsonSignal({ x: null }), 'numerictype', { missing: { value: -1 } }), -1);
    const nan = parseTensor(await featureOf(jsonSignal({}), 'numpyarraytype', { missing: 'nan' }));
    assert.deepEqual([...nan.data], [Number.NaN]);
  });
});

describe('feature: rows and parts of text', () => {
  const made = (signal: Signal, params: object) =>
    featureOf(signal, 'numpyarraytype', params as Record<string, unknown>);

  it('an item of a row has steps of its own, and those of the feature come after', async () => {
    const from = [
      { from: '$.at', time: { parts: ['weekday', 'hour12', 'hour12_pm'] } },
      { from: '$.kind', one_hot: { vocabulary: ['a', 'b'] } },
      { from: '$.celsius', steps: [{ offset: 1 }, { scale: 10 }] },
      '$.rest',
    ];
    const signal = jsonSignal({ at: '2026-01-01T12:30:00Z', kind: 'b', celsius: 4, rest: [7, 8] });
    assert.deepEqual(await made(signal, { from, scale: 2 }), [6, 24, 48, 0, 2, 100, 14, 16]);
    assert.deepEqual(problemsOf({ from: [{ from: '$.a', scal: 2 }, { from: ['$.b'] }] }), [
      '/from/0/scal is not known here: did you mean scale?',
      '/from/1/from must not be a list in a list, got a list of 1',
    ]);
  });

  it('a part of text is counted from either end, and several are joined again', async () => {
    const text = textSignal('hall-3-21.5');
    assert.deepEqual(
      await made(text, {
        from: [
          { split: '-', part: -1 },
          { split: '-', part: 1 },
        ],
      }),
      [21.5, 3],
    );
    assert.equal(await featureOf(text, 'stringtype', { from: { split: '-', part: [0, -1] } }), 'hall-3');
    assert.equal(await made(jsonSignal({ t: '1;2' }), { from: { split: ';', part: 1, of: '$.t' } }), 2);
    await assert.rejects(made(text, { from: { split: '-', part: 3 } }), /part 3 of the body must be in the signal/);
    await assert.rejects(made(jsonSignal([1]), { from: { split: '-', part: 0 } }), /must be text/);
    assert.deepEqual(problemsOf({ from: { split: '-' } }), ['/from/split must come with part']);
    assert.deepEqual(problemsOf({ from: { field: 'a', part: 1 } }), ['/from/part must come with split']);
  });

  it('stop words are left out of a sequence as they stand in the text, of words as lower case', async () => {
    const params = { vocabulary: ['the', 'fox'], stop_words: ['the'] };
    const text = textSignal('the The fox');
    assert.deepEqual(await made(text, { from: 'body', sequence: { ...params, length: 3, first: 1 } }), [0, 1, 2]);
    assert.deepEqual(await made(text, { from: 'body', bag_of_words: params }), [0, 1]);
  });
});

describe('feature: types', () => {
  it('numerictype is one number', async () => {
    assert.equal(await featureOf(jsonSignal({ x: true }), 'numerictype'), 1);
    assert.equal(await featureOf(jsonSignal({ x: ' -1.5e3 ' }), 'numerictype'), -1500);
    assert.equal(await featureOf(jsonSignal({ x: [4] }), 'numerictype'), 4);
    await assert.rejects(featureOf(jsonSignal({ x: [1, 2] }), 'numerictype'), /field x must be one number .* got 2$/);
    await assert.rejects(featureOf(jsonSignal({ x: 'much' }), 'numerictype'), /must be a number, got "much"$/);
    await assert.rejects(featureOf(jsonSignal({ x: {} }), 'numerictype'), /must be a number, got an object$/);
  });

  it('stringtype is text and nothing else', async () => {
    assert.deepEqual(await featureOf(jsonSignal({ x: ['a', 'b'] }), 'stringtype'), ['a', 'b']);
    await assert.rejects(featureOf(jsonSignal({ x: 5 }), 'stringtype'), /field x must be text, got 5$/);
  });

  it('numpyarraytype refuses what is ragged or no number', async () => {
    assert.deepEqual(
      await featureOf(
        jsonSignal([
          [1, 2],
          [3, 4],
        ]),
        'numpyarraytype',
      ),
      [
        [1, 2],
        [3, 4],
      ],
    );
    assert.deepEqual(await featureOf(jsonSignal([['a'], ['b']]), 'numpyarraytype', { dtype: 'string' }), [
      ['a'],
      ['b'],
    ]);
    await assert.rejects(
      featureOf(jsonSignal([[1, 2], [3]]), 'numpyarraytype'),
      /equal length, got 2 and 1 at level 1$/,
    );
    await assert.rejects(featureOf(jsonSignal([1, 'x']), 'numpyarraytype'), /a number at element 1, got "x"$/);
    await assert.rejects(featureOf(jsonSignal([1, null]), 'numpyarraytype'), /a number at element 1, got null$/);
  });

  it('goes out compact when it is large or has no place in JSON', async () => {
    const long = Array.from({ length: 100 }, (_, i) => i / 10);
    const wire = await featureOf(jsonSignal(long), 'numpyarraytype');
    assert.deepEqual(parseTensor(wire), { dtype: 'float32', shape: [100], data: Float32Array.from(long) });
    const infinite = parseTensor(await featureOf(jsonSignal([1e308]), 'numpyarraytype', { scale: 10 }));
    assert.deepEqual([...infinite.data], [Number.POSITIVE_INFINITY]);
  });

  it('has the dtype that is asked for, and refuses what does not fit it', async () => {
    const long = Array.from({ length: 70 }, (_, i) => i);
    for (const dtype of ['uint8', 'int16', 'uint32', 'int64', 'uint64', 'float16', 'float64'] as const) {
      const tensor = parseTensor(await featureOf(jsonSignal(long), 'numpyarraytype', { dtype }));
      assert.equal(tensor.dtype, dtype);
      assert.equal(Number(tensor.data[69]) > 0, true);
    }
    assert.deepEqual(await featureOf(jsonSignal([0, 1]), 'numpyarraytype', { dtype: 'bool' }), [false, true]);
    await assert.rejects(
      featureOf(jsonSignal([1, 1.5]), 'numpyarraytype', { dtype: 'int32' }),
      /whole numbers from -2147483648 to 2147483647 for dtype int32, got 1.5 at element 1$/,
    );
    await assert.rejects(featureOf(jsonSignal([256]), 'numpyarraytype', { dtype: 'uint8' }), /got 256 at element 0$/);
    await assert.rejects(featureOf(jsonSignal(['a']), 'numpyarraytype', { dtype: 'int8' }), /must be a number/);
    await assert.rejects(featureOf(jsonSignal([1]), 'numpyarraytype', { dtype: 'string' }), /must be text/);
  });
});

describe('feature: steps', () => {
  it('run in the order of the documentation when they stand side by side, in their own in a list', async () => {
    const flat = { offset: 1, scale: 10 };
    assert.deepEqual(await featureOf(jsonSignal([1, 2]), 'numpyarraytype', flat), [11, 21]);
    const listed = { steps: [{ offset: 1 }, { scale: 10 }] };
    assert.deepEqual(await featureOf(jsonSignal([1, 2]), 'numpyarraytype', listed), [20, 30]);
  });

  it('clip and normalise, by one pair or by one for each channel', async () => {
    assert.deepEqual(await featureOf(jsonSignal([-5, 0.5, 9]), 'numpyarraytype', { clip: [0, 1] }), [0, 0.5, 1]);
    const rows = jsonSignal([
      [1, 10],
      [3, 30],
    ]);
    const params = { mean: [1, 10], std: [2, 10] };
    assert.deepEqual(await featureOf(rows, 'numpyarraytype', params), [
      [0, 0],
      [1, 2],
    ]);
    assert.equal(await featureOf(jsonSignal({ x: 5 }), 'numerictype', { mean: 1, std: 2 }), 2);
    await assert.rejects(
      featureOf(jsonSignal([1, 2, 3]), 'numpyarraytype', params),
      /must have 2 channels on axis 0 to be normalised by, got shape \[3\]$/,
    );
  });

  it('shape arranges the elements and refuses another number of them', async () => {
    assert.deepEqual(await featureOf(jsonSignal([1, 2, 3]), 'numpyarraytype', { shape: [1, 3] }), [[1, 2, 3]]);
    assert.deepEqual(await featureOf(jsonSignal([1, 2, 3, 4]), 'numpyarraytype', { shape: [-1, 2] }), [
      [1, 2],
      [3, 4],
    ]);
    await assert.rejects(
      featureOf(jsonSignal([1, 2]), 'numpyarraytype', { shape: [1, 3] }),
      /field x must have 3 elements for shape \[1, 3\], got 2$/,
    );
  });

  it('turn a picture into numbers: resized, grey or RGB, laid out, normalised by channel', async () => {
    const data = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
    const picture = imageSignal(encodePng({ width: 2, height: 2, channels: 3, data }));
    const make = (params: Record<string, unknown>) => featureOf(picture, 'numpyarraytype', params);
    assert.deepEqual(await make({ layout: 'HWC' }), [
      [
        [0, 20, 40],
        [60, 80, 100],
      ],
      [
        [120, 140, 160],
        [180, 200, 220],
      ],
    ]);
    const grey = [
      [16, 76],
      [136, 196],
    ];
    assert.deepEqual(await make({ channels: 1, layout: 'HW' }), grey);
    assert.deepEqual(await make({ channels: 1 }), [grey]);
    const normalised = await make({ from: 'image', mean: [0, 20, 40], std: [20, 20, 20] });
    assert.deepEqual(normalised, [
      [
        [0, 3],
        [6, 9],
      ],
      [
        [0, 3],
        [6, 9],
      ],
      [
        [0, 3],
        [6, 9],
      ],
    ]);
    const large = parseTensor(await make({ width: 16, height: 8, filter: 'nearest', dtype: 'uint8' }));
    assert.deepEqual([large.dtype, large.shape], ['uint8', [3, 8, 16]]);
  });
});

describe('checkDataDescriptor', () => {
  it('names every problem with its place and the nearest name', () => {
    assert.deepEqual(problemsOf({ form: '$.a', widht: 3, scale: 'x', dtype: 'float' }), [
      '/form is not known here: did you mean from?',
      '/widht is not known here: did you mean width?',
      '/scale must be a number, got "x"',
      '/dtype must be one of bool, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16, float32, float64, string, got "float"',
    ]);
    assert.match(problemsOf({ from: '$.a[' }).join(), /^\/from must be a JSONPath \(RFC 9535; .*\), got "\$\.a\["$/);
    assert.match(problemsOf({ from: "$.a[?match(@.b, '(a+)+')]" }).join(), /^\/from must be a JSONPath/);
    assert.match(problemsOf('{"from": ').join(), /must be JSON when it begins with \{/);
    assert.deepEqual(problemsOf([1]), [' must be an object or its JSON as text, got a list of 1']);
    assert.deepEqual(problemsOf({ clip: [2, 1] }), [
      '/clip must be a lower and a higher bound, in this order, got a list of 2',
    ]);
    assert.deepEqual(problemsOf({ std: 0 }), ['/std must not be 0, got 0']);
    assert.deepEqual(problemsOf({ min_max: { min: [0, 1], max: 1 } }), ['/min_max must have a max that is not min']);
    assert.deepEqual(problemsOf({ unit: { from: 'm', to: 'kg' } }), [
      '/unit must be units of one quantity, got length and mass',
    ]);
    assert.match(problemsOf({ bag_of_words: { vocabulary: ['a'], pattern: '(a+)+' } }).join(), /one kind of character/);
    assert.match(problemsOf({ time: { parts: ['day'], zone: 'Mars' } }).join(), /must be the name of a time zone/);
    assert.match(problemsOf({ time: { parts: ['day'], format: '%Q' } }).join(), /must have each of the directives/);
    assert.deepEqual(problemsOf({ shape: [-1, -1] }), ['/shape must have -1 once at most']);
  });

  it('knows which step takes what', () => {
    assert.deepEqual(problemsOf({ from: '$.a', width: 3, height: 3 }), [' takes an image, and gets JSON here']);
    assert.deepEqual(problemsOf({ width: 3 }), ['/width must come with the other of width and height']);
    assert.deepEqual(problemsOf({ layout: 'HW' }), ['/layout HW needs channels: 1']);
    assert.deepEqual(problemsOf({ image: { width: 2, height: 2 }, channels: 1 }), [
      '/channels must be inside image, which is given too',
    ]);
  });

  it('wants steps in one form only, each known', () => {
    assert.deepEqual(problemsOf({ scale: 1, steps: [{ offset: 1 }] }), [
      '/scale must be one of the list steps (scale)',
    ]);
    assert.deepEqual(problemsOf({ steps: [{ scael: 1 }] }), ['/steps/0/scael is not known here: did you mean scale?']);
    assert.match(problemsOf({ steps: [{ scale: 1, offset: 1 }] }).join(), /\/steps\/0 must be an object with one key/);
  });

  it('refuses two features of one name, and compiling tells the same', () => {
    const feature = { feature_name: 'x', feature_type: 'numerictype' } as const;
    const descriptor = { ingestion_data_name: 'n', feature_list: [feature, feature] };
    assert.equal(checkDataDescriptor(descriptor)[0]?.pointer, '/feature_list/1/feature_name');
    assert.throws(() => compileDataDescriptor(descriptor), { code: 'invalid_argument' });
  });
});

describe('feature: limits', () => {
  it('refuses what would nest, search or grow without end', async () => {
    let deep: unknown = 1;
    for (let i = 0; i < 500; i++) deep = [deep];
    await assert.rejects(featureOf(jsonSignal([deep]), 'numpyarraytype'), /must nest at most 32 lists deep/);
    const filled = featureOf(jsonSignal([deep]), 'numpyarraytype', { missing: 'nan' });
    await assert.rejects(filled, /must nest at most 32 lists deep/);
    const searched = featureOf(jsonSignal({ a: deep }), 'numpyarraytype', { from: '$..b' });
    await assert.rejects(searched, {
      code: 'invalid_argument',
      message: /^Cannot make feature x: \$\.\.b must be found/,
    });
    const vocabulary = Array.from({ length: 20_000 }, (_, i) => `w${i}`);
    const wide = featureOf(jsonSignal(Array(1000).fill('w1')), 'numpyarraytype', { one_hot: { vocabulary } });
    await assert.rejects(wide, /must make an array of at most 16777216 elements, got 20000000$/);
  });
});
