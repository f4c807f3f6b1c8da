// Says what a file that is no ONNX model looks like, from its first bytes.

const signatures: readonly (readonly [string, number, string])[] = [
  ['\x89PNG', 0, 'a PNG image'],
  ['\xff\xd8\xff', 0, 'a JPEG image'],
  ['GIF8', 0, 'a GIF image'],
  ['%PDF', 0, 'a PDF document'],
  ['PK\x03\x04', 0, 'a zip archive (PyTorch’s .pt and Keras’ .keras files are)'],
  ['\x1f\x8b', 0, 'a gzip archive'],
  ['\x89HDF', 0, 'an HDF5 file (Keras’ .h5 files are)'],
  ['\x93NUMPY', 0, 'a NumPy array'],
  ['TFL3', 4, 'a TensorFlow Lite model'],
  ['ORTM', 4, 'a model in ONNX Runtime’s own format'],
  ['GGUF', 0, 'a GGUF model'],
  ['\x7fELF', 0, 'a program'],
  ['MZ', 0, 'a program'],
  ['version https://git-lfs', 0, 'a Git LFS pointer whose content was not downloaded (run "git lfs pull")'],
  ['{"', 8, 'a safetensors file'],
];

/** What the first bytes of a file look like ("a PNG image"), or null when they tell nothing. */
export function looksLike(head: Uint8Array): string | null {
  const text = Buffer.from(head).toString('latin1');
  for (const [magic, at, description] of signatures) if (text.startsWith(magic, at)) return description;
  if (/^\x80[\x02-\x05]/.test(text)) return 'a Python pickle (old PyTorch checkpoints are)';
  if (!/^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(text)) return null;
  const start = text.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (/^[{[]/.test(start)) return 'a JSON file';
  if (start.startsWith('<')) return 'an HTML or XML file';
  return 'a text file';
}
