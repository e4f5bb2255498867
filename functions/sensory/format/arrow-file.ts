import type { FileParts, OrderFile } from './file-parts.ts';

/**
 * Samples as an Arrow IPC file of one record batch: `label` (int32), `pixels` (fixed-size list of uint8, row by row),
 * `path` (text), with the categories and the size as metadata of the schema.
 */
export function arrowFile({ dataset, categories, labels, path }: FileParts): OrderFile {
  const { width, height } = dataset;
  const size = width * height;
  const pixels = Buffer.allocUnsafeSlow(labels.length * size);
  return {
    pixels,
    async finish() {
      // Loaded when the first order asks for it: it is large, and few boards ever do.
      const arrow = await import('apache-arrow');
      const { Field, FixedSizeList, Int32, Uint8, Utf8, makeData } = arrow;
      const length = labels.length;
      const list = new FixedSizeList(size, new Field('item', new Uint8(), false));
      const child = makeData({ type: new Uint8(), length: pixels.length, data: pixels });
      const columns = [
        makeData({ type: new Int32(), length, data: labels }),
        makeData({ type: list, length, child }),
        makeData({ type: new Utf8(), length, ...textColumn(Array.from(labels, (_, i) => path(i))) }),
      ];
      const metadata = new Map([
        ['width', String(width)],
        ['height', String(height)],
        ['categories', JSON.stringify(categories)],
      ]);
      const fields = ['label', 'pixels', 'path'].map((name, i) => new Field(name, columns[i]?.type ?? list, true));
      const schema = new arrow.Schema(fields, metadata);
      const struct = makeData({ type: new arrow.Struct(fields), length, children: columns });
      const table = new arrow.Table(schema, [new arrow.RecordBatch(schema, struct)]);
      const { buffer, byteOffset, byteLength } = arrow.tableToIPC(table, 'file');
      return Buffer.from(buffer, byteOffset, byteLength);
    },
  };
}

/** Texts side by side, and where each begins. */
function textColumn(texts: readonly string[]): { valueOffsets: Int32Array; data: Buffer } {
  const data = Buffer.allocUnsafeSlow(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
  const valueOffsets = new Int32Array(texts.length + 1);
  let at = 0;
  texts.forEach((text, i) => {
    at += data.write(text, at);
    valueOffsets[i + 1] = at;
  });
  return { valueOffsets, data };
}
