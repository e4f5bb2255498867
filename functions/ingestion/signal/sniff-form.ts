import { isUtf8 } from 'node:buffer';
import type { SignalForm } from '#lib/feature/signal.ts';

/** What a body without a content type is, by its first bytes. */
export function sniffForm(bytes: Buffer): SignalForm {
  if (isImage(bytes)) return 'image';
  if (!isUtf8(bytes)) return 'bytes';
  return isJson(bytes.toString('utf8')) ? 'json' : 'text';
}

/** The signatures of PNG, JPEG, GIF, WebP, TIFF and AVIF. */
function isImage(bytes: Buffer): boolean {
  const head = bytes.toString('latin1', 0, 12);
  return (
    head.startsWith('\x89PNG\r\n\x1a\n') ||
    head.startsWith('\xff\xd8\xff') ||
    head.startsWith('GIF8') ||
    head.startsWith('II*\0') ||
    head.startsWith('MM\0*') ||
    (head.startsWith('RIFF') && head.slice(8) === 'WEBP') ||
    head.slice(4) === 'ftypavif'
  );
}

/** Whether text is meant as JSON: an object, a list, or a bare number. Other text stays text. */
function isJson(text: string): boolean {
  const trimmed = text.trim();
  return /^[[{]/.test(trimmed) || /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed);
}
