/** A unit: `value * factor + offset` is the value in its quantity's SI unit. */
export interface Unit {
  readonly quantity: string;
  readonly factor: number;
  readonly offset: number;
}

function unit(quantity: string, factor: number, offset = 0): Unit {
  return { quantity, factor, offset };
}

const FAHRENHEIT = 5 / 9;

/** Units by name; where SenML (RFC 8428, RFC 8798) has a name for a unit, it is the same. */
export const UNITS: Readonly<Record<string, Unit>> = {
  K: unit('temperature', 1),
  Cel: unit('temperature', 1, 273.15),
  Fah: unit('temperature', FAHRENHEIT, 273.15 - 32 * FAHRENHEIT),
  mm: unit('length', 0.001),
  cm: unit('length', 0.01),
  m: unit('length', 1),
  km: unit('length', 1000),
  in: unit('length', 0.0254),
  ft: unit('length', 0.3048),
  mi: unit('length', 1609.344),
  'm/s': unit('speed', 1),
  'km/h': unit('speed', 1 / 3.6),
  mph: unit('speed', 0.44704),
  kn: unit('speed', 1852 / 3600),
  Pa: unit('pressure', 1),
  hPa: unit('pressure', 100),
  kPa: unit('pressure', 1000),
  bar: unit('pressure', 100_000),
  psi: unit('pressure', 6894.757293168361),
  mmHg: unit('pressure', 133.322387415),
  g: unit('mass', 0.001),
  kg: unit('mass', 1),
  lb: unit('mass', 0.45359237),
  oz: unit('mass', 0.028349523125),
  J: unit('energy', 1),
  Wh: unit('energy', 3600),
  kWh: unit('energy', 3_600_000),
  W: unit('power', 1),
  kW: unit('power', 1000),
  rad: unit('angle', 1),
  deg: unit('angle', Math.PI / 180),
  l: unit('volume', 0.001),
  m3: unit('volume', 1),
  gal: unit('volume', 0.003785411784),
  ms: unit('time', 0.001),
  s: unit('time', 1),
  min: unit('time', 60),
  h: unit('time', 3600),
  '/': unit('ratio', 1),
  '%': unit('ratio', 0.01),
};
