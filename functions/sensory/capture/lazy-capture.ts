import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError } from '#lib/error/box-error.ts';
import type { EventBatch } from '#lib/function/event-batch.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import type { SensoryConfig } from '../config.ts';
import type { CaptureParts } from './capture.ts';

type Capture = (batch: EventBatch) => Promise<FunctionAnswer>;

/** Capture, which is loaded and connects to NATS with the first batch: most appliances capture nothing. */
export function lazyCapture(
  config: SensoryConfig,
  secrets: SecretFiles,
  parts: Omit<CaptureParts, 'scenarios' | 'messages' | 'defaultDataset' | 'maxImagePixels'>,
): { readonly process: Capture; close(): Promise<void> } {
  let opened: Promise<{ readonly connection: NatsConnection; readonly process: Capture }> | undefined;
  const open = async () => {
    const { natsUrl, natsUser, gatewayUrl, maxImagePixels } = config;
    if (natsUrl === undefined) {
      throw new BoxError('unavailable', 'Cannot capture: NATS_URL must be set, where the signals are read');
    }
    const [{ openCapture }, { connectNats }, { openStoredMessages }, { openScenarioClient }] = await Promise.all([
      import('./capture.ts'),
      import('#lib/bus/nats-connection.ts'),
      import('#lib/bus/stored-messages.ts'),
      import('#lib/scenario/scenario-client.ts'),
    ]);
    const user = natsUser === undefined ? {} : { user: natsUser, password: await secrets.read('nats-password') };
    const connection = await connectNats({ url: natsUrl, name: 'sensory', ...user });
    const process = openCapture({
      ...parts,
      maxImagePixels,
      defaultDataset: { name: config.datasetName, width: config.datasetWidth, height: config.datasetHeight },
      scenarios: openScenarioClient({ gatewayUrl, secrets }),
      messages: openStoredMessages(connection),
    });
    return { connection, process };
  };
  return {
    async process(batch) {
      opened ??= open().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return (await opened).process(batch);
    },
    close: async () => (await opened)?.connection.close(),
  };
}
