import { type MelOptions, openMel } from '../../audio/log-mel.ts';
import { canResample, MAX_RATIO, resample } from '../../audio/resample.ts';
import type { Audio } from '../../audio/wav.ts';
import type { Given } from '../given.ts';
import type { StepKind, StepRun } from '../step.ts';
import { checkElements, fault, floats, kindWords, MAX_ELEMENTS, type Numbers, showShape, toNumbers } from '../value.ts';

const MAX_RATE = 1_000_000;
/** The most transforms for one signal: some seconds of work. */
const MAX_FRAMES = 20_000;

interface AudioOptions {
  readonly rate: number | undefined;
  readonly mono: boolean;
  readonly channel: number | undefined;
}

export const DEFAULT_AUDIO: AudioOptions = { rate: undefined, mono: true, channel: undefined };

const AUDIO_OPTIONS = {
  rate: "Samples of a second; sound of another rate is resampled by a polyphase filter, as `librosa.resample` with `res_type='polyphase'`.",
  mono: 'Whether the channels are averaged, default true; else they are the first axis.',
  channel: 'The one channel that is taken, from 0.',
} as const;

/** Turns sound into samples from -1 to 1. */
export const AUDIO_STEP: StepKind = {
  name: 'audio',
  doc: 'Turns sound into samples from -1 to 1.',
  options: AUDIO_OPTIONS,
  takes: ['audio'],
  gives: 'numbers',
  compile(given) {
    const fields = given.fields(['rate', 'mono', 'channel']);
    if (fields === undefined) return undefined;
    const options = {
      rate: fields.rate?.integer({ min: 1, max: MAX_RATE }),
      mono: fields.mono?.flag() ?? true,
      channel: fields.channel?.integer({ min: 0, max: 31 }),
    };
    return (value) => {
      if (value.kind !== 'audio') throw fault(`must be sound, got ${kindWords(value.kind)}`);
      return audioNumbers(value.audio, options);
    };
  },
};

/** The sound as samples, in the asked form. */
export function audioNumbers(audio: Audio, options: AudioOptions): Numbers {
  const rate = options.rate ?? audio.rate;
  if (!canResample(audio.rate, rate)) {
    throw fault(`must have a rate in a ratio of at most ${MAX_RATIO} to ${rate}, got ${audio.rate}`);
  }
  checkElements(((audio.channels[0]?.length ?? 0) / audio.rate) * rate * audio.channels.length);
  const channels = chosenChannels(audio, options).map((samples) => resample(samples, audio.rate, rate));
  const [first = new Float64Array(0)] = channels;
  if (channels.length === 1 && (options.mono || options.channel !== undefined)) {
    return { kind: 'numbers', shape: [first.length], data: first, rate };
  }
  const data = new Float64Array(channels.length * first.length);
  for (const [channel, samples] of channels.entries()) data.set(samples, channel * first.length);
  return { kind: 'numbers', shape: [channels.length, first.length], data, channelAxis: 0, rate };
}

function chosenChannels({ channels }: Audio, { mono, channel }: AudioOptions): readonly Float64Array[] {
  if (channel !== undefined) {
    const chosen = channels[channel];
    if (chosen === undefined) throw fault(`must have a channel ${channel}, got ${channels.length} channels`);
    return [chosen];
  }
  const [first] = channels;
  if (!mono || first === undefined || channels.length === 1) return channels;
  const mean = new Float64Array(first.length);
  for (const samples of channels)
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) + (samples[i] as number);
  return [mean.map((sum) => sum / channels.length)];
}

const FRAME_OPTIONS = {
  size: 'Samples of a frame.',
  hop: 'Samples from the start of one frame to that of the next; default the size.',
} as const;

export const FRAMES_STEP: StepKind = {
  name: 'frames',
  doc: 'Cuts a row into overlapping frames, `[frames, size]`; what does not fill the last one is left out (`librosa.util.frame` with `axis=0`).',
  options: FRAME_OPTIONS,
  takes: ['numbers', 'json'],
  gives: 'numbers',
  compile(given) {
    const fields = given.fields(['size', 'hop']);
    const size = fields?.size?.integer({ min: 1, max: MAX_ELEMENTS });
    const hop = fields?.hop?.integer({ min: 1, max: MAX_ELEMENTS }) ?? size;
    if (size === undefined || hop === undefined) return fields && given.note('must have a size');
    return (value) => framed(toNumbers(value), size, hop);
  },
};

function framed({ shape, data }: Numbers, size: number, hop: number): Numbers {
  if (shape.length !== 1 || data.length < size) {
    throw fault(`must be a row of at least ${size} numbers to be framed, got shape ${showShape(shape)}`);
  }
  const frames = 1 + Math.floor((data.length - size) / hop);
  checkElements(frames * size);
  const out = new Float64Array(frames * size);
  for (let frame = 0; frame < frames; frame++) out.set(data.subarray(frame * hop, frame * hop + size), frame * size);
  return { kind: 'numbers', shape: [frames, size], data: out };
}

const MEL_OPTIONS = {
  rate: 'Samples of a second, where the numbers do not come from sound.',
  n_fft: 'Length of the transform, default 2048.',
  hop_length: 'Samples between frames, default 512.',
  win_length: 'Length of the Hann window, default n_fft.',
  n_mels: 'Bands, default 128.',
  fmin: 'Lowest frequency, default 0.',
  fmax: 'Highest frequency, default half the rate.',
  htk: "Whether HTK's formula is used instead of Slaney's, default false.",
  norm: '`slaney` (default) divides each band by its width, `none` does not.',
  power: 'Exponent of the magnitude, default 2.',
  center: 'Whether frames are centred on their time, with zeros beyond the ends, default true.',
  ref: 'What decibels are relative to: a number (default 1), `max`, or `none` for no decibels.',
  amin: 'What is lower counts as this, default 1e-10.',
  top_db: 'Decibels below the highest value that are kept, default 80, or `none`.',
} as const;

export const LOG_MEL_STEP: StepKind = {
  name: 'log_mel',
  doc: "A spectrogram of `[n_mels, frames]` in decibels: librosa's `power_to_db(feature.melspectrogram(…))`, with its names and defaults.",
  options: MEL_OPTIONS,
  takes: ['numbers', 'json'],
  gives: 'numbers',
  compile: compileMel,
};

function compileMel(given: Given): StepRun | undefined {
  const fields = given.fields(Object.keys(MEL_OPTIONS) as (keyof typeof MEL_OPTIONS)[]);
  if (fields === undefined) return undefined;
  const nFft = fields.n_fft?.integer({ min: 16, max: 65536 }) ?? 2048;
  const ref = fields.ref?.value;
  const topDb = fields.top_db?.value === 'none' ? undefined : (fields.top_db?.number({ min: 0 }) ?? 80);
  const fixed = {
    nFft,
    hopLength: fields.hop_length?.integer({ min: 1, max: 65536 }) ?? 512,
    winLength: fields.win_length?.integer({ min: 1, max: nFft }) ?? nFft,
    nMels: fields.n_mels?.integer({ min: 1, max: 1024 }) ?? 128,
    fmin: fields.fmin?.number({ min: 0, max: MAX_RATE }) ?? 0,
    htk: fields.htk?.flag() ?? false,
    norm: fields.norm?.choice(['slaney', 'none'] as const) ?? ('slaney' as const),
    power: fields.power?.number({ min: 0.1, max: 4 }) ?? 2,
    center: fields.center?.flag() ?? true,
    ref: ref === 'none' ? undefined : ref === 'max' ? ('max' as const) : (fields.ref?.number({ min: 1e-30 }) ?? 1),
    amin: fields.amin?.number({ min: 1e-30 }) ?? 1e-10,
    topDb,
  };
  const rate = fields.rate?.integer({ min: 1, max: MAX_RATE });
  const fmax = fields.fmax?.number({ min: 1, max: MAX_RATE });
  const made = new Map<number, ReturnType<typeof openMel>>();
  return (value) => {
    const numbers = toNumbers(value);
    const actual = numbers.rate ?? rate;
    if (actual === undefined) throw fault('must be sound, or log_mel must have a rate');
    if (numbers.shape.length !== 1) throw fault(`must be one row of samples, got shape ${showShape(numbers.shape)}`);
    let mel = made.get(actual);
    if (mel === undefined) {
      const options: MelOptions = { ...fixed, rate: actual, fmax: fmax ?? actual / 2 };
      mel = openMel(options);
      if (made.size >= 8) made.clear();
      made.set(actual, mel);
    }
    if (numbers.data.length / fixed.hopLength > MAX_FRAMES) {
      throw fault(`must make at most ${MAX_FRAMES} frames, got ${Math.round(numbers.data.length / fixed.hopLength)}`);
    }
    const { data, bands, frames } = mel(floats(numbers));
    if (frames === 0) throw fault(`must be at least ${fixed.nFft} samples, got ${numbers.data.length}`);
    return { kind: 'numbers', shape: [bands, frames], data };
  };
}
