import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { decodeImage } from '#lib/image/decode-image.ts';
import { toWire } from '#lib/tensor/tensor.ts';
import { readDigitImages } from '../local/demo/digit-images.ts';
import { type Child, startChild } from '../local/server/child-process.ts';
import { findArm64 } from '../setup/install-arm64.ts';
import { runToEnd } from '../setup/run-to-end.ts';

const ROOT = join(import.meta.dirname, '..');
const KEY = 'key-of-the-test';
const IMAGES = 20;
/** The platforms add up in another order: what float32 keeps of that. */
const TOLERANCE = 1e-5;

interface Prediction {
  readonly label: unknown;
  readonly probabilities: readonly number[];
}

/**
 * The inference function as the files of its image, for both platforms, with the digits model: the real Node, the real
 * bundle and the real ONNX Runtime for arm64, on an emulated processor.
 */
describe('inference on arm64', function () {
  // A processor that is emulated, on a machine that may be busy.
  this.timeout(1_200_000);
  let folder: string;
  let orchestrator: Server;
  const children: Child[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-arm64-'));
    await mkdir(join(folder, 'secrets'));
    for (const name of ['box-api-key', 's3-access-key', 's3-secret-key'])
      await writeFile(join(folder, 'secrets', name), KEY);
    const scenario: unknown = JSON.parse(await readFile(join(ROOT, 'examples/digits/scenario.json'), 'utf8'));
    const dates = { createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' };
    const record = { id: 'digits', rev: '1', paused: false, ...dates, scenario };
    orchestrator = createServer((incoming, response) => {
      const wantsOne = incoming.url?.startsWith('/function/orchestrator/scenario/digits') === true;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(wantsOne ? record : [scenario]));
    });
    orchestrator.listen(0, '127.0.0.1');
    await once(orchestrator, 'listening');
  });

  after(async () => {
    await Promise.all(children.map((child) => child.kill()));
    orchestrator.closeAllConnections();
    orchestrator.close();
    await rm(folder, { recursive: true });
  });

  /** Puts together what the image of the function holds for a platform. */
  async function bundle(arch: 'arm64' | 'x64'): Promise<string> {
    const [context, out] = [join(folder, `context-${arch}`), join(folder, arch)];
    await cp(join(ROOT, 'templates/box-node'), context, { recursive: true });
    await cp(join(ROOT, 'functions/inference'), join(context, 'function'), { recursive: true });
    await cp(join(ROOT, 'lib'), join(context, 'function/lib'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(context, 'function/package.json'));
    await symlink(join(ROOT, 'node_modules'), join(context, 'function/node_modules'));
    const script = join(ROOT, 'templates/box-node/image/bundle.ts');
    const args = [script, '--root', context, '--out', out, '--arch', arch];
    const { status, output } = await runToEnd(process.execPath, args, process.env);
    assert.equal(status, 0, output);
    return join(out, 'index.js');
  }

  /** Starts the function and gives its URL once it is ready. */
  async function start(name: string, command: readonly string[]): Promise<string> {
    const [program = '', ...args] = command;
    const { port } = orchestrator.address() as AddressInfo;
    const child = await startChild({
      name,
      command: program,
      args,
      env: {
        http_port: '0',
        SECRETS_DIR: join(folder, 'secrets'),
        GATEWAY_URL: `http://127.0.0.1:${port}`,
        MODEL_ROOT: ROOT,
        MODEL_CACHE_DIR: join(folder, `models-${name}`),
        ORT_DISABLE_TELEMETRY: '1',
      },
    });
    children.push(child);
    for (;;) {
      const lines = child.log.last(50).map(({ text }) => text);
      if (!child.running) throw new Error(`${name} ended: ${lines.join('\n')}`);
      const listening = lines.find((line) => line.includes('"listening"'));
      if (listening !== undefined && lines.some((line) => line.includes('"ready"')))
        return `http://127.0.0.1:${/"port":(\d+)/.exec(listening)?.[1]}`;
      await delay(100);
    }
  }

  async function predict(url: string, events: readonly object[]): Promise<Prediction[]> {
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${KEY}`,
        'content-type': 'application/cloudevents-batch+json',
        'box-scenario': 'digits',
        'box-scenario-rev': '1',
        'box-stage': 'inference',
      },
      body: JSON.stringify(events),
      headersTimeout: 600_000,
    });
    const answer = (await body.json()) as Answer;
    assert.equal(statusCode, 200, JSON.stringify(answer));
    return answer.results.map((result) => {
      const output = result.events?.[0]?.data.prediction_data.probabilities;
      assert.ok(output, JSON.stringify(result));
      return { label: output.class_label, probabilities: [output.data].flat(2) };
    });
  }

  it('reads the digits as it does on this machine, to the same probabilities', async () => {
    const arm64 = findArm64(process.env);
    assert.ok(arm64, 'npm run test:arm64 prepares the emulator; run the test through it');
    const events = await digitEvents();
    const here = await start('here', [process.execPath, await bundle(process.arch === 'arm64' ? 'arm64' : 'x64')]);
    const expected = await predict(here, events);
    const there = await start('arm64', [arm64.qemu, '-L', arm64.root, arm64.node, await bundle('arm64')]);
    const got = await predict(there, events);
    assert.equal(got.length, IMAGES);
    for (const [i, { label, probabilities }] of got.entries()) {
      assert.equal(label, expected[i]?.label);
      assert.equal(probabilities.length, 10);
      for (const [digit, probability] of probabilities.entries()) {
        const other = expected[i]?.probabilities[digit] ?? Number.NaN;
        assert.ok(
          Math.abs(probability - other) <= TOLERANCE,
          `image ${i}, digit ${digit}: ${probability}, here ${other}`,
        );
      }
    }
  });
});

interface Answer {
  readonly results: readonly {
    readonly events?: readonly {
      readonly data: { readonly prediction_data: Readonly<Record<string, { data: number[][]; class_label: unknown }>> };
    }[];
  }[];
}

/** The features of the first images of the digits demo, as ingestion makes them. */
async function digitEvents(): Promise<object[]> {
  const images = await readDigitImages(join(ROOT, 'examples/digits/images'));
  return Promise.all(
    images.slice(0, IMAGES).map(async ({ png }, i) => {
      const { data } = await decodeImage(png, { maxPixels: 784 });
      const pixels = Float32Array.from(data, (value) => value / 255);
      const tensor = toWire({ dtype: 'float32', shape: [1, 28, 28], data: pixels });
      return {
        specversion: '1.0',
        id: `image-${i}`,
        source: 'camera',
        type: 'thebox.features',
        datacontenttype: 'application/json',
        data: {
          correlation_id: `image-${i}`,
          data_descriptor_name: 'digit image',
          feature_data: [{ feature_name: 'image', data: tensor }],
        },
      };
    }),
  );
}
