import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { compileRule } from '#lib/rules/compile.ts';
import { compileMessage, valueText } from '#lib/rules/message.ts';

const inputs = { prediction: { t: { data: [21.456], class_label: 'warm' } }, source: "the 'door'" };

function render(source: string): string {
  return compileMessage(source).render(inputs);
}

function faultOf(source: string): Readonly<Record<string, unknown>> {
  try {
    compileMessage(source);
  } catch (thrown) {
    assert.ok(thrown instanceof BoxError);
    return thrown.facts;
  }
  throw new Error(`${source} was not refused`);
}

describe('compileMessage', () => {
  it('takes an f-string', () => {
    assert.equal(render('f\'{prediction["t"].data[0]:.1f} °C\''), '21.5 °C');
  });

  it('takes the content of an f-string without its quotes', () => {
    assert.equal(
      render("{prediction['t'].class_label}: {prediction['t'].data[0]:.2f} at {source}"),
      "warm: 21.46 at the 'door'",
    );
  });

  it('keeps quotes, backslashes, line breaks and doubled braces of plain content', () => {
    assert.equal(render('say "x" \\n {{1}}\nit\'s\\'), 'say "x" \\n {1}\nit\'s\\');
    assert.equal(render('"""'), '"""');
  });

  it('renders text without expressions as it is', () => assert.equal(render('plain'), 'plain'));

  it('tells places in the text as it was given', () => {
    assert.deepEqual(faultOf('value {predction}'), { line: 1, column: 8, nearest: 'prediction' });
    assert.deepEqual(faultOf('a\n {1 +}'), { line: 2, column: 6 });
  });

  it('ends in the error of an expression that fails, with its place', () => {
    assert.throws(
      () => render("at {prediction['x'].data}"),
      (error) =>
        error instanceof BoxError &&
        error.code === 'unprocessable' &&
        error.facts.error === 'KeyError' &&
        error.facts.column === 15,
    );
  });
});

describe('valueText', () => {
  it('writes a value as Python does', () => {
    assert.equal(
      valueText(compileRule("[1, 2.0, 'a', None, True]").compute(inputs).value),
      "[1, 2.0, 'a', None, True]",
    );
  });
});
