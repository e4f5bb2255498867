/** What the runtime takes from its environment. The three names in lower case are the watchdog's. */
export interface RuntimeConfig {
  /** `http_host`: the address to listen on. Loopback, because the watchdog in the same container is the only caller. */
  readonly host: string;
  /** `http_port`: 0 lets the system choose; the log line "listening" tells which. */
  readonly port: number;
  /** `function_path`: the folder that holds handler.ts, .js, .mjs or .cjs. */
  readonly functionPath: string;
  /** `MAX_BODY_BYTES`: a larger request body is refused with 413. */
  readonly maxBodyBytes: number;
  /** `RAW_BODY`, `MAX_JSON_SIZE`, `MAX_RAW_SIZE`: for functions written for the official templates. */
  readonly rawBody: boolean;
  readonly maxJsonBytes: number;
  readonly maxRawBytes: number;
  /** `SHUTDOWN_TIMEOUT_MS`: how long requests in flight may still take after SIGTERM. */
  readonly shutdownTimeoutMs: number;
}

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
const DEFAULT_MAX_BODY_BYTES = 10 * 1024 ** 2;

/**
 * The configuration in `environment`.
 * @throws Error that lists every variable with a value that cannot be used
 */
export function runtimeConfig(
  environment: Readonly<Record<string, string | undefined>>,
  defaultFunctionPath: string,
): RuntimeConfig {
  const problems: string[] = [];
  const read = (name: string, fallback: number, parse: (text: string) => number | undefined, rule: string): number => {
    const text = environment[name];
    if (text === undefined || text === '') return fallback;
    const value = parse(text);
    if (value !== undefined) return value;
    problems.push(`Cannot use ${name}: it must be ${rule}, got "${text}"`);
    return fallback;
  };
  const maxBodyBytes = read('MAX_BODY_BYTES', DEFAULT_MAX_BODY_BYTES, parseSize, 'a number of bytes');
  const config: RuntimeConfig = {
    host: environment.http_host || '127.0.0.1',
    port: read('http_port', 3000, parsePort, 'a port number from 0 to 65535'),
    functionPath: environment.function_path || defaultFunctionPath,
    maxBodyBytes,
    rawBody: environment.RAW_BODY === 'true',
    maxJsonBytes: read('MAX_JSON_SIZE', maxBodyBytes, parseSize, 'a size such as 512kb or 2mb'),
    maxRawBytes: read('MAX_RAW_SIZE', maxBodyBytes, parseSize, 'a size such as 512kb or 2mb'),
    shutdownTimeoutMs: read('SHUTDOWN_TIMEOUT_MS', 10_000, parseCount, 'a whole number of milliseconds'),
  };
  if (problems.length > 0) throw new Error(problems.join('; '));
  return config;
}

function parseCount(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parsePort(text: string): number | undefined {
  const port = parseCount(text);
  return port !== undefined && port <= 65_535 ? port : undefined;
}

/** A size as the official templates' variables have it: `100kb`, `1.5mb`, or plain bytes. */
function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?$/i.exec(text.trim());
  if (!match) return undefined;
  return Math.floor(Number(match[1]) * (UNITS[(match[2] ?? 'b').toLowerCase()] ?? 1));
}
