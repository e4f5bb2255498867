import type { Nested, WireTensor } from '../tensor/tensor.ts';

/** What travels between the stages, as the original's messages had it; tensors may take the compact form. */

export type TensorValue = Nested | WireTensor;

/** Data of `thebox.features`. */
export interface FeaturesBody {
  readonly correlation_id: string;
  readonly data_descriptor_name: string;
  readonly feature_data: readonly Feature[];
}

export interface Feature {
  readonly feature_name: string;
  /** With or without the model's leading batch dimension. */
  readonly data: TensorValue;
}

/** Data of `thebox.prediction`: one entry per model output, batch dimension included, as the original had it. */
export interface PredictionBody {
  readonly correlation_id: string;
  readonly prediction_data: Readonly<Record<string, PredictionData>>;
}

export interface PredictionData {
  /** A tensor; for outputs that are sequences of maps, a list of objects. */
  readonly data: unknown;
  readonly class_label?: string;
  readonly probability?: number;
}

/** Data of `thebox.notification`. */
export interface NotificationBody {
  readonly correlation_id: string;
  readonly notification_id: string;
  /** The prediction that the rule held for. */
  readonly notification_data: unknown;
  /** When the notification was made: RFC 3339. */
  readonly time_stamp: string;
  readonly [more: string]: unknown;
}
