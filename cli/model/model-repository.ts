import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore, openS3Client } from '#lib/blob/s3.ts';
import { type UploadOptions, uploadFile } from '#lib/blob/upload-file.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { type Connection, required, requiredUrl } from '../connection.ts';

/** The bucket of models: `<name>/<version>/model.onnx` or `.onnx.gz`, and what belongs to it beside. */
export interface Repository {
  readonly store: BlobStore;
  upload(key: string, path: string, options: UploadOptions): Promise<void>;
  close(): void;
}

export interface ModelName {
  readonly name: string;
  readonly version: string | undefined;
}

export interface StoredModel {
  readonly name: string;
  readonly version: string;
  /** Of all its files. */
  readonly bytes: number;
  /** When its model file was kept, as ISO 8601. */
  readonly modified: string;
  /** By their names below the version. */
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly modified: string }[];
}

const KEY = /^([^/]+)\/([1-9]\d{0,8})\/(.+)$/;
/** What the model itself is called in its version. */
export const MODEL_FILE = /^model\.onnx(\.gz)?$/;

/** Opens the bucket of models with the addresses and keys of `box env`. */
export function openRepository(connection: Connection): Repository {
  const credentials = {
    accessKeyId: required(connection, 'S3_ACCESS_KEY'),
    secretAccessKey: required(connection, 'S3_SECRET_KEY'),
  };
  const bucket = connection.MODEL_BUCKET ?? 'models';
  const options = {
    endpoint: requiredUrl(connection, 'S3_ENDPOINT'),
    region: connection.S3_REGION ?? 'us-east-1',
    credentials: async () => credentials,
  };
  const store = openS3BlobStore({ ...options, bucket });
  const client = openS3Client(options);
  return {
    store,
    upload: (key, path, upload) => uploadFile(client, { bucket, key }, path, upload),
    close() {
      store.close();
      client.destroy();
    },
  };
}

/** @throws BoxError `invalid_argument` for what is not NAME or NAME/VERSION */
export function parseModelName(text: string): ModelName {
  const [, name, version] = /^([^/\s]+)(?:\/([1-9]\d{0,8}))?$/.exec(text) ?? [];
  if (name !== undefined) return { name, version };
  const rule = 'it must be NAME or NAME/VERSION, a version being a whole number from 1';
  throw new BoxError('invalid_argument', `Cannot read name of model: ${rule}, got ${JSON.stringify(text)}`);
}

export function showName({ name, version }: ModelName): string {
  return version === undefined ? name : `${name}/${version}`;
}

/** Every version below the prefix that has a model file, by name and number. */
export async function listRepository({ store }: Repository, prefix = ''): Promise<StoredModel[]> {
  const found = new Map<string, { name: string; version: string; files: StoredModel['files'][number][] }>();
  for await (const { key, size, modifiedMs } of store.list(prefix)) {
    const [, name, version, file] = KEY.exec(key) ?? [];
    if (name === undefined || version === undefined || file === undefined) continue;
    const id = `${name}/${version}`;
    const model = found.get(id) ?? { name, version, files: [] };
    model.files.push({ name: file, bytes: size, modified: new Date(modifiedMs).toISOString() });
    found.set(id, model);
  }
  return [...found.values()]
    .flatMap(({ name, version, files }) => {
      const main = files.find((file) => MODEL_FILE.test(file.name));
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      return main === undefined ? [] : [{ name, version, bytes, modified: main.modified, files }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : Number(a.version) - Number(b.version)));
}

/** One above the newest version of a model; 1 for a new one. */
export async function nextVersion({ store }: Repository, name: string): Promise<string> {
  const versions = (await store.listFolders(`${name}/`)).filter((folder) => /^[1-9]\d{0,8}$/.test(folder)).map(Number);
  return String(Math.max(0, ...versions) + 1);
}

/** The `config.json` of a model; undefined where there is none. @throws BoxError `unprocessable` when it is not JSON */
export async function readConfig({ store }: Repository, { name, version, files }: StoredModel): Promise<unknown> {
  if (!files.some((file) => file.name === 'config.json')) return undefined;
  const key = `${name}/${version}/config.json`;
  const { bytes } = await store.get(key);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new BoxError('unprocessable', `Cannot read ${key}: it must be JSON (${errorText(cause)})`, { cause });
  }
}
