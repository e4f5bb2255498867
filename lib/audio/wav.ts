import { BoxError } from '../error/box-error.ts';

/** Sound in memory: one list of samples for each channel, from -1 to 1. */
export interface Audio {
  /** Samples of a second. */
  readonly rate: number;
  readonly channels: readonly Float64Array[];
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

interface WavFormat {
  readonly code: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
}

/** Whether the bytes begin as a WAV file does. */
export function isWav(bytes: Uint8Array): boolean {
  return ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WAVE';
}

/**
 * Reads a WAV file: PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64, of up to 32 channels. Whole numbers are divided
 * by half their range, as soundfile and librosa do.
 *
 * @throws BoxError `unprocessable` for what is no such file or is cut off.
 */
export function decodeWav(bytes: Uint8Array): Audio {
  if (!isWav(bytes)) throw broken('it must begin with RIFF and WAVE');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: WavFormat | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = ascii(bytes, at, 4);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === 'fmt ') format = readFormat(view, start, size);
    if (name === 'data') {
      if (format === undefined) throw broken('its chunk "fmt " must come before "data"');
      // A recorder that streams does not know the length: it writes 0 or the largest number.
      const streamed = size === 0 || size === 0xffffffff;
      const end = streamed ? bytes.length : start + size;
      if (end > bytes.length) throw broken(`it must have ${size} bytes of samples, got ${bytes.length - start}`);
      return { rate: format.rate, channels: readSamples(view, start, end, format) };
    }
    at = start + size + (size & 1);
  }
  throw broken('it must have a chunk "data"');
}

function readFormat(view: DataView, start: number, size: number): WavFormat {
  if (size < 16 || start + size > view.byteLength) throw broken('its chunk "fmt " must be whole');
  const code = view.getUint16(start, true);
  // WAVE_FORMAT_EXTENSIBLE: the code is the beginning of the subformat's GUID.
  const actual = code === EXTENSIBLE && size >= 40 ? view.getUint16(start + 24, true) : code;
  const format = {
    code: actual,
    channels: view.getUint16(start + 2, true),
    rate: view.getUint32(start + 4, true),
    bits: view.getUint16(start + 14, true),
  };
  const known = actual === PCM ? [8, 16, 24, 32] : actual === FLOAT ? [32, 64] : [];
  if (!known.includes(format.bits)) {
    throw broken(
      `samples must be PCM of 8 to 32 bits or float of 32 or 64, got format ${actual} of ${format.bits} bits`,
    );
  }
  if (format.channels < 1 || format.channels > 32)
    throw broken(`it must have 1 to 32 channels, got ${format.channels}`);
  if (format.rate < 1 || format.rate > 1_000_000) throw broken(`its rate must be 1 to 1000000, got ${format.rate}`);
  return format;
}

function readSamples(view: DataView, start: number, end: number, format: WavFormat): Float64Array[] {
  const bytes = format.bits / 8;
  const frame = bytes * format.channels;
  const count = Math.floor((end - start) / frame);
  const read = sampleReader(view, format);
  return Array.from({ length: format.channels }, (_, channel) => {
    const samples = new Float64Array(count);
    for (let i = 0, at = start + channel * bytes; i < count; i++, at += frame) samples[i] = read(at);
    return samples;
  });
}

function sampleReader(view: DataView, { code, bits }: WavFormat): (at: number) => number {
  if (code === FLOAT) return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  switch (bits) {
    case 8:
      return (at) => (view.getUint8(at) - 128) / 128;
    case 16:
      return (at) => view.getInt16(at, true) / 32768;
    case 24:
      return (at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8388608;
    default:
      return (at) => view.getInt32(at, true) / 2147483648;
  }
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

function broken(rule: string): BoxError {
  return new BoxError('unprocessable', `Cannot decode WAV: ${rule}`);
}
