import assert from 'node:assert/strict';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { readSparkplug, sparkplugField } from '../../../../functions/ingestion/format/sparkplug.ts';

type Write = (writer: BinaryWriter) => BinaryWriter;

function metric(name: string, type: number, value: Write): Uint8Array {
  const writer = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(name)
    .tag(3, WireType.Varint)
    .uint64(1_000n);
  return value(writer.tag(4, WireType.Varint).uint32(type)).finish();
}

function payload(...metrics: Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.Varint).uint64(1_486_144_502_122n);
  for (const each of metrics) writer.tag(2, WireType.LengthDelimited).bytes(each);
  return writer.tag(3, WireType.Varint).uint64(2n).finish();
}

const int =
  (value: number): Write =>
  (writer) =>
    writer.tag(10, WireType.Varint).uint32(value);
const long =
  (value: bigint): Write =>
  (writer) =>
    writer.tag(11, WireType.Varint).uint64(value);
const bytes =
  (value: Buffer): Write =>
  (writer) =>
    writer.tag(16, WireType.LengthDelimited).bytes(value);

describe('readSparkplug', () => {
  const value = (type: number, write: Write) => readSparkplug(payload(metric('m', type, write))).metrics[0]?.value;

  it('reads time, sequence and metrics', () => {
    const read = readSparkplug(payload(metric('Inputs/A', 11, (w) => w.tag(14, WireType.Varint).bool(true))));
    assert.deepEqual(read, {
      timestamp: 1_486_144_502_122,
      seq: 2,
      metrics: [{ name: 'Inputs/A', timestamp: 1000, value: true }],
    });
    assert.equal(sparkplugField(read, 'Inputs/A'), true);
    assert.equal(sparkplugField(read, 'Inputs/B'), undefined);
  });

  it('reads numbers of every size, signed where the type is', () => {
    assert.equal(value(1, int(0xff)), -1);
    assert.equal(value(1, int(0xffffff80)), -128);
    assert.equal(value(2, int(0xfffe)), -2);
    assert.equal(value(3, int(0xfffffffd)), -3);
    assert.equal(value(7, int(0xfffffffd)), 0xfffffffd);
    assert.equal(value(4, long(2n ** 64n - 5n)), -5);
    assert.equal(value(8, long(2n ** 64n - 5n)), 2n ** 64n - 5n);
    assert.equal(
      value(9, (w) => w.tag(12, WireType.Bit32).float(0.5)),
      0.5,
    );
    assert.equal(
      value(10, (w) => w.tag(13, WireType.Bit64).double(0.1)),
      0.1,
    );
    assert.equal(
      value(12, (w) => w.tag(15, WireType.LengthDelimited).string('ä')),
      'ä',
    );
  });

  it('reads arrays', () => {
    assert.deepEqual(value(23, bytes(Buffer.from([0xfe, 0xff, 3, 0]))), [-2, 3]);
    assert.deepEqual(value(30, bytes(Buffer.from(Float32Array.of(1.5, -2).buffer))), [1.5, -2]);
    assert.deepEqual(value(32, bytes(Buffer.from([10, 0, 0, 0, 0b10110000, 0b01000000]))), [
      true,
      false,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    assert.deepEqual(value(33, bytes(Buffer.from('ab\0c\0'))), ['ab', 'c']);
    assert.deepEqual(value(17, bytes(Buffer.from([1, 2]))), Uint8Array.of(1, 2));
  });

  it('has null where the metric says so, and skips what it does not know', () => {
    assert.equal(
      value(9, (w) => w.tag(7, WireType.Varint).bool(true)),
      null,
    );
    assert.equal(
      value(16, (w) => w.tag(17, WireType.LengthDelimited).bytes(Buffer.from([8, 1]))),
      null,
    );
  });

  it('refuses what is cut off', () => {
    const whole = payload(metric('m', 3, int(5)));
    assert.throws(() => readSparkplug(whole.subarray(0, 20)));
    assert.throws(() => value(23, bytes(Buffer.from([1]))), /must be whole/);
  });
});
