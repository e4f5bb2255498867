/** The text of each byte, so that a pixel costs a look-up and not a conversion. */
const DIGITS = Array.from({ length: 256 }, (_, value) => Buffer.from(`${value},`, 'latin1'));
const MAX_DIGITS = 4;

/** One-hot labels of so many categories, as JSON, by index. */
export function oneHotLabels(categories: number): readonly string[] {
  return Array.from({ length: categories }, (_, hot) => {
    const label = new Array<number>(categories).fill(0);
    label[hot] = 1;
    return JSON.stringify(label);
  });
}

/** `{"label":[0,1,…],"data":[0,255,…]}`, what a trainer of the older service gets for one sample. */
export function sampleJson(label: string, pixels: Uint8Array): Buffer {
  const head = `{"label":${label},"data":[`;
  const out = Buffer.allocUnsafe(head.length + pixels.length * MAX_DIGITS + 2);
  let at = out.write(head, 0, 'latin1');
  at = writePixels(out, at, pixels);
  at += out.write(']}', at, 'latin1');
  return out.subarray(0, at);
}

/** `{"labels":[…],"data":[[…],…]}`, the answer to a direct request. */
export function batchJson(labels: readonly string[], pixels: Uint8Array, size: number): Buffer {
  const head = `{"labels":[${labels.join(',')}],"data":[`;
  const out = Buffer.allocUnsafe(head.length + pixels.length * MAX_DIGITS + labels.length * 3 + 2);
  let at = out.write(head, 0, 'latin1');
  for (let i = 0; i < labels.length; i++) {
    at += out.write(i === 0 ? '[' : ',[', at, 'latin1');
    at = writePixels(out, at, pixels.subarray(i * size, (i + 1) * size));
    at += out.write(']', at, 'latin1');
  }
  at += out.write(']}', at, 'latin1');
  return out.subarray(0, at);
}

/** Pixels with commas between; gives the place after the last digit. */
function writePixels(out: Buffer, start: number, pixels: Uint8Array): number {
  let at = start;
  for (let i = 0; i < pixels.length; i++) {
    const digits = DIGITS[pixels[i] as number] as Buffer;
    for (let k = 0; k < digits.length; k++) out[at++] = digits[k] as number;
  }
  return pixels.length === 0 ? at : at - 1;
}
