import assert from 'node:assert/strict';
import { UNITS } from '#lib/feature/steps/unit.ts';
import { featureOf } from './compile.ts';
import { jsonSignal } from './plain-signal.ts';

/** Value, unit, value, unit: pairs that are equal by definition. */
const EQUAL = [
  [100, 'Cel', 212, 'Fah'],
  [-40, 'Fah', -40, 'Cel'],
  [0, 'Cel', 273.15, 'K'],
  [36, 'km/h', 10, 'm/s'],
  [1, 'mi', 1609.344, 'm'],
  [1, 'ft', 12, 'in'],
  [2.5, 'km', 250_000, 'cm'],
  [1, 'kn', 1.852, 'km/h'],
  [60, 'mph', 26.8224, 'm/s'],
  [1.01325, 'bar', 1013.25, 'hPa'],
  [1, 'lb', 16, 'oz'],
  [1, 'kWh', 3.6e6, 'J'],
  [180, 'deg', Math.PI, 'rad'],
  [1, 'gal', 3.785411784, 'l'],
  [1.5, 'h', 90, 'min'],
  [25, '%', 0.25, '/'],
] as const;

describe('step unit', () => {
  for (const [a, from, b, to] of EQUAL) {
    it(`${a} ${from} is ${b} ${to}, and back`, async () => {
      const convert = async (x: number, units: object) =>
        Number(await featureOf(jsonSignal({ x }), 'numerictype', { unit: units }));
      assert.equal(Math.fround(await convert(a, { from, to })), Math.fround(b));
      assert.equal(Math.fround(await convert(b, { from: to, to: from })), Math.fround(a));
    });
  }

  it('knows every unit by its own name', () => {
    for (const [name, { factor, offset }] of Object.entries(UNITS))
      assert.ok(factor > 0 && Number.isFinite(offset), name);
  });
});
