import type { MqttClient } from 'mqtt';

export interface MqttMessage {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
}

/** The next message that comes; rejects when the connection ends before. */
export function nextMqttMessage(client: MqttClient): Promise<MqttMessage> {
  return new Promise((resolve, reject) => {
    client.once('message', (topic, payload, { qos }) => resolve({ topic, text: payload.toString(), qos }));
    client.once('error', reject);
    client.once('close', () => reject(new Error('The connection ended before a message came')));
  });
}
