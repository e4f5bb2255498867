/** The discrete Fourier transform of one length, its tables made once. */
export interface Fft {
  /** Transforms in place: real and imaginary parts, each of the length. */
  transform(real: Float64Array, imaginary: Float64Array): void;
}

/** A transform of any length: by halves for powers of two, by Bluestein's convolution for others. */
export function openFft(length: number): Fft {
  return (length & (length - 1)) === 0 ? radix2(length) : bluestein(length);
}

function radix2(length: number): Fft {
  const cosines = Float64Array.from({ length: length >> 1 }, (_, i) => Math.cos((2 * Math.PI * i) / length));
  const sines = Float64Array.from({ length: length >> 1 }, (_, i) => -Math.sin((2 * Math.PI * i) / length));
  const bits = Math.log2(length);
  const reversed = Uint32Array.from({ length }, (_, i) => {
    let out = 0;
    for (let bit = 0; bit < bits; bit++) out |= ((i >> bit) & 1) << (bits - 1 - bit);
    return out;
  });
  return {
    transform(real, imaginary) {
      for (let i = 0; i < length; i++) {
        const j = reversed[i] as number;
        if (j > i) {
          swap(real, i, j);
          swap(imaginary, i, j);
        }
      }
      for (let half = 1; half < length; half *= 2) butterflies(real, imaginary, half, cosines, sines);
    },
  };
}

function swap(list: Float64Array, i: number, j: number): void {
  const kept = list[i] as number;
  list[i] = list[j] as number;
  list[j] = kept;
}

function butterflies(
  real: Float64Array,
  imaginary: Float64Array,
  half: number,
  cosines: Float64Array,
  sines: Float64Array,
): void {
  const { length } = real;
  const step = length / (2 * half);
  for (let start = 0; start < length; start += 2 * half) {
    for (let k = 0; k < half; k++) {
      const [c, s] = [cosines[k * step] as number, sines[k * step] as number];
      const [a, b] = [start + k, start + k + half];
      const [br, bi] = [real[b] as number, imaginary[b] as number];
      const r = br * c - bi * s;
      const i = br * s + bi * c;
      real[b] = (real[a] as number) - r;
      imaginary[b] = (imaginary[a] as number) - i;
      real[a] = (real[a] as number) + r;
      imaginary[a] = (imaginary[a] as number) + i;
    }
  }
}

/** Bluestein: a transform as a convolution with a chirp, at the next power of two that holds it. */
function bluestein(length: number): Fft {
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const inner = radix2(size);
  const [chirpReal, chirpImaginary] = [new Float64Array(length), new Float64Array(length)];
  const [kernelReal, kernelImaginary] = [new Float64Array(size), new Float64Array(size)];
  for (let i = 0; i < length; i++) {
    // i² modulo 2·length first: the angle stays small and exact.
    const angle = (Math.PI * ((i * i) % (2 * length))) / length;
    chirpReal[i] = Math.cos(angle);
    chirpImaginary[i] = -Math.sin(angle);
    for (const at of i === 0 ? [0] : [i, size - i]) {
      kernelReal[at] = Math.cos(angle);
      kernelImaginary[at] = Math.sin(angle);
    }
  }
  inner.transform(kernelReal, kernelImaginary);
  const [workReal, workImaginary] = [new Float64Array(size), new Float64Array(size)];
  return {
    transform(real, imaginary) {
      workReal.fill(0);
      workImaginary.fill(0);
      multiply(real, imaginary, chirpReal, chirpImaginary, workReal, workImaginary);
      inner.transform(workReal, workImaginary);
      multiply(workReal, workImaginary, kernelReal, kernelImaginary, workReal, workImaginary);
      // The inverse transform is the transform with the parts exchanged, divided by the size.
      inner.transform(workImaginary, workReal);
      const [outReal, outImaginary] = [workReal.subarray(0, length), workImaginary.subarray(0, length)];
      multiply(outReal, outImaginary, chirpReal, chirpImaginary, real, imaginary);
      for (let i = 0; i < length; i++) {
        real[i] = (real[i] as number) / size;
        imaginary[i] = (imaginary[i] as number) / size;
      }
    },
  };
}

function multiply(
  aReal: Float64Array,
  aImaginary: Float64Array,
  bReal: Float64Array,
  bImaginary: Float64Array,
  outReal: Float64Array,
  outImaginary: Float64Array,
): void {
  const { length } = aReal;
  for (let i = 0; i < length; i++) {
    const [ar, ai] = [aReal[i] as number, aImaginary[i] as number];
    const [br, bi] = [bReal[i] as number, bImaginary[i] as number];
    outReal[i] = ar * br - ai * bi;
    outImaginary[i] = ar * bi + ai * br;
  }
}
