/**
 * Samples as an Arrow IPC file of one record batch: `label` (int32), `pixels` (fixed-size list of uint8, row by row),
 * `path` (text), with the categories and the size as metadata of the schema.
 */
export async function arrowFile(
  labels: readonly number[],
  pixels: Buffer,
  paths: readonly string[],
  facts: { readonly width: number; readonly height: number; readonly categories: readonly string[] },
): Promise<Buffer> {
  // Loaded when the first order asks for it: it is large, and few boards ever do.
  const arrow = await import('apache-arrow');
  const size = facts.width * facts.height;
  const values = arrow.makeData({ type: new arrow.Uint8(), length: pixels.length, data: pixels });
  const list = arrow.makeData({
    type: new arrow.FixedSizeList(size, new arrow.Field('item', new arrow.Uint8(), false)),
    length: labels.length,
    child: values,
  });
  const columns = {
    label: arrow.vectorFromArray([...labels], new arrow.Int32()),
    pixels: arrow.makeVector(list),
    path: arrow.vectorFromArray([...paths], new arrow.Utf8()),
  };
  const plain = new arrow.Table(columns);
  const metadata = new Map([
    ['width', String(facts.width)],
    ['height', String(facts.height)],
    ['categories', JSON.stringify(facts.categories)],
  ]);
  const schema = new arrow.Schema(plain.schema.fields, metadata);
  const table = new arrow.Table(schema, plain.batches);
  return Buffer.from(arrow.tableToIPC(table, 'file'));
}
