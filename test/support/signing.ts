import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

export type SignatureHeaders = Readonly<Record<string, string>>;

/** Signs as a sensor would, by the three headers of Standard Webhooks. */
export interface Signer {
  /** What the source is put with. */
  readonly publicKey: string;
  headers(body: string | Uint8Array, id: string, seconds?: number): SignatureHeaders;
}

export function ed25519Signer(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64'),
    headers(body, id, seconds = nowSeconds()) {
      const signature = sign(null, signed(body, id, seconds), privateKey).toString('base64');
      return headersOf(id, seconds, `v1a,${signature}`);
    },
  };
}

export function hmacHeaders(
  secret: string,
  body: string | Uint8Array,
  id: string,
  seconds = nowSeconds(),
): SignatureHeaders {
  const signature = createHmac('sha256', secret)
    .update(signed(body, id, seconds))
    .digest('base64');
  return headersOf(id, seconds, `v1,${signature}`);
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function signed(body: string | Uint8Array, id: string, seconds: number): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${seconds}.`), Buffer.from(body)]);
}

function headersOf(id: string, seconds: number, signature: string): SignatureHeaders {
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature };
}
