// Decoding image files to bytes, with a small cache of the last ones.
import { readFileSync } from 'node:fs';
import type { Tensor } from '../tensor/tensor';
import { DataError } from './errors';
import { fileError } from './files';

/** File name extensions of images that are read, lower case. */
export const imageExtensions: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff'];

/** Whether a file name looks like an image Lethe reads. */
export function isImageName(name: string): boolean {
  const lower = name.toLowerCase();
  return imageExtensions.some(extension => lower.endsWith(extension));
}

/**
 * Decodes an image file (PNG, JPEG, WebP, TIFF) to uint8 [height, width, 3]: grey becomes RGB, alpha is dropped, EXIF orientation is
 * left alone, as torchvision's default loader does. Throws a DataError that names the file.
 */
export async function decodeImage(path: string): Promise<Tensor> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(path, error);
  }
  const { default: sharp } = await import('sharp');
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.channels === 1 ? repeatGrey(data) : new Uint8Array(data);
    return { dtype: 'uint8', dims: [info.height, info.width, 3], data: pixels };
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/\s+/g, ' ').replace(/\.$/, '') : String(error);
    throw new DataError(`${path} cannot be decoded as an image (${reason}). Replace or remove the file.`);
  }
}

function repeatGrey(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(grey.length * 3);
  grey.forEach((value, index) => pixels.fill(value, 3 * index, 3 * index + 3));
  return pixels;
}

/** Keeps the images used last, up to a number of bytes. */
export class ImageCache {
  private readonly images = new Map<string, Tensor>();
  private bytes = 0;

  constructor(private readonly capacity = 64 * 2 ** 20) {}

  /** The decoded image of a path, from the cache where it is there. */
  async get(path: string): Promise<Tensor> {
    const known = this.images.get(path);
    if (known !== undefined) {
      // A Map keeps the order of insertion, so the first key is the one used longest ago.
      this.images.delete(path);
      this.images.set(path, known);
      return known;
    }
    const image = await decodeImage(path);
    if (this.images.has(path)) return image;
    this.images.set(path, image);
    this.bytes += image.data.byteLength;
    for (const [oldest, { data }] of this.images) {
      if (this.bytes <= this.capacity) break;
      this.images.delete(oldest);
      this.bytes -= data.byteLength;
    }
    return image;
  }
}
