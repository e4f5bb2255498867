import { decode } from '@msgpack/msgpack';

/** Bytes that follow the heads 0xc0 to 0xd8 whose length is fixed; those of others are told by what follows. */
const FIXED: Readonly<Record<number, number>> = {
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
  212: 2,
  213: 3,
  214: 5,
  215: 9,
  216: 17,
};

/** Heads that a length of so many bytes follows; `beside` are bytes of the value that it does not count. */
const TEXTS: Readonly<Record<number, { readonly width: number; readonly beside: number }>> = {
  196: { width: 1, beside: 0 },
  197: { width: 2, beside: 0 },
  198: { width: 4, beside: 0 },
  199: { width: 1, beside: 1 },
  200: { width: 2, beside: 1 },
  201: { width: 4, beside: 1 },
  217: { width: 1, beside: 0 },
  218: { width: 2, beside: 0 },
  219: { width: 4, beside: 0 },
};

/** Lists and maps, likewise; so many values stand for each item. */
const LISTS: Readonly<Record<number, { readonly width: number; readonly values: number }>> = {
  220: { width: 2, values: 1 },
  221: { width: 4, values: 1 },
  222: { width: 2, values: 2 },
  223: { width: 4, values: 2 },
};

/** As deep as `jsonLike` goes, and one more for it to tell of. */
const MAX_DEPTH = 66;

/** Reads MessagePack. Throws an Error for what is none. */
export function readMsgpack(bytes: Buffer): unknown {
  checkClaims(bytes);
  return decode(bytes);
}

/**
 * The decoder makes room for as many items as a list says that it has, before it has seen one of them: fifteen bytes could ask
 * for all the memory there is. Each item takes a byte at least, so what is still to come is never more than what is left.
 * Nor does it bound how deep they nest, at a hundred times the bytes.
 */
function checkClaims(bytes: Buffer): void {
  let missing = 1;
  // Of each list around, what is still to come.
  const open: number[] = [];
  for (let at = 0; missing > 0 && at < bytes.length; ) {
    const head = bytes[at++] ?? 0;
    missing--;
    if (open.length > 0) open[open.length - 1] = (open.at(-1) ?? 0) - 1;
    let items = 0;
    const text = TEXTS[head];
    const list = LISTS[head];
    if (list !== undefined) {
      items = list.values * bytes.readUIntBE(at, list.width);
      at += list.width;
    } else if (text !== undefined) at += text.width + text.beside + bytes.readUIntBE(at, text.width);
    else if (head >= 0xc0 && head < 0xe0) at += FIXED[head] ?? 0;
    else if (head >= 0xa0 && head < 0xc0) at += head & 0x1f;
    else if (head >= 0x90 && head < 0xa0) items = head & 0x0f;
    else if (head >= 0x80 && head < 0x90) items = 2 * (head & 0x0f);
    missing += items;
    if (items > 0) open.push(items);
    else while (open.at(-1) === 0) open.pop();
    if (open.length > MAX_DEPTH) throw new Error('its lists and maps must not nest so deep');
    if (missing > bytes.length - at) throw new Error('its lists and maps must have all the items that they say');
  }
}
