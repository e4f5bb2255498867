/** A bucket of the appliance. */
export interface BucketLayout {
  readonly name: string;
  readonly purpose: string;
  /** Earlier versions of an object are kept for so many days; undefined: the bucket keeps none. */
  readonly keepVersionsDays?: number;
  /** An upload in parts that nobody ended is removed after so many days. */
  readonly abortUploadsDays: number;
}

/** The buckets that there are, and what lies in them: docs/sensory-formats.md has the layout below. */
export const BUCKETS: readonly BucketLayout[] = [
  {
    name: 'thebox-samples',
    purpose: 'labelled samples, `<dataset>/data/<category>/<file>`, and what is made of them, `<dataset>/box/`',
    keepVersionsDays: 7,
    abortUploadsDays: 1,
  },
  {
    name: 'models',
    purpose: 'ONNX models, by name and version; `converted/` holds those that TensorFlow graphs were converted to',
    keepVersionsDays: 90,
    abortUploadsDays: 1,
  },
];

/** What each user may do: IAM documents in `minio/policy/`, named after the user. */
export const USERS = [
  { name: 'sensory', policy: 'sensory.json', purpose: 'reads, writes and removes samples; sees no other bucket' },
  { name: 'inference', policy: 'inference.json', purpose: 'reads models, writes converted ones' },
] as const;
