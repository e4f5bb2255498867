/** The beginnings of files that are taken for ONNX models by mistake. */
const BEGINNINGS: readonly (readonly [at: number, bytes: string, name: string])[] = [
  [0, '\x1f\x8b', 'a gzip file (name it .gz and it is unpacked)'],
  [0, 'PK\x03\x04', 'a ZIP archive (a PyTorch checkpoint, a Keras or an XGBoost file?)'],
  [0, '\x89HDF', 'an HDF5 file (a Keras model?)'],
  [4, 'TFL3', 'a TensorFlow Lite model'],
  [4, 'ORTM', 'a model in ONNX Runtime’s own format (.ort)'],
  [0, '\x80\x02', 'a Python pickle'],
  [0, '\x80\x03', 'a Python pickle'],
  [0, '\x80\x04', 'a Python pickle'],
  [0, '\x80\x05', 'a Python pickle'],
  [0, 'version https://git-lfs', 'a Git LFS pointer (the model itself was not checked out)'],
  [0, '\x93NUMPY', 'a numpy array'],
  [0, 'BZh', 'a bzip2 file'],
  [0, '\xfd7zXZ', 'an xz file'],
  [0, '\x89PNG', 'a PNG image'],
];

const TENSORFLOW_OPERATORS = ['Placeholder', 'Const', 'NoOp', 'VarHandleOp'];

/** What a file is, when it plainly is no ONNX model; undefined when it may be one. */
export function describeForeignFile(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'an empty file';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 65_536)).toString('latin1');
  const known = BEGINNINGS.find(([at, beginning]) => head.startsWith(beginning, at));
  if (known) return known[2];
  const text = head.trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(text)) return 'an HTML page (an error or a login page?)';
  if (text.startsWith('<')) return 'an XML or HTML document';
  if (/^[{[]\s*["{[\d]/.test(text)) return 'a JSON document';
  // A TensorFlow GraphDef is a list of nodes (field 1), each a name and an operator; ONNX begins with its version.
  if (
    head.startsWith('\n') &&
    TENSORFLOW_OPERATORS.some((name) => head.includes(`${String.fromCharCode(name.length)}${name}`))
  ) {
    return 'a TensorFlow frozen graph';
  }
  if (head.startsWith('\x08\x01\x12') && head.includes('saved_model')) return 'a TensorFlow SavedModel';
  return undefined;
}
