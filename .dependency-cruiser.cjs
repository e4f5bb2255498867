// Which part may import which: `npm run ok` holds this. Imports run down only.

/** Each client library and where it may be imported: in its drivers, and where those are opened and name its types. */
const DRIVERS = [
  { library: 'nano', drivers: '^lib/couchdb/' },
  { library: 'amqplib', drivers: '/rabbitmq[^/]*\\.ts$' },
  { library: '@aws-sdk/', drivers: '^(lib/blob|minio)/|^functions/inference/(inference|model/source/s3-source)\\.ts$' },
  { library: '@nats-io/transport-node', drivers: '^lib/bus/nats-connection\\.ts$' },
  {
    library: '@nats-io/(jetstream|kv)',
    drivers: '^lib/(bus|state)/|^connector/(open-connector|bus-keeper|scenario-runner)\\.ts$',
  },
  { library: 'onnxruntime-node', drivers: '^functions/inference/model/onnx/' },
  { library: 'basic-ftp', drivers: '^functions/inference/model/source/ftp-source\\.ts$' },
  { library: 'sharp', drivers: '^lib/image/' },
  { library: '(express|pouchdb)', drivers: '^local/server/(couchdb-process|untyped-modules)' },
];

module.exports = {
  forbidden: [
    ...DRIVERS.map(({ library, drivers }) => ({
      name: `drivers-of-${library.replace(/\W/g, '')}`,
      severity: 'error',
      from: { path: '^(functions|lib|connector|local|cli|minio|templates)/', pathNot: drivers },
      to: { path: `^node_modules/${library}` },
    })),
    {
      name: 'no-function-to-function',
      comment: 'Functions meet only through events.',
      severity: 'error',
      from: { path: '^functions/([^/]+)/' },
      to: { path: '^functions/', pathNot: '^functions/$1/' },
    },
    {
      name: 'functions-to-lib-only',
      severity: 'error',
      from: { path: '^functions/' },
      to: { path: '^(connector|local|cli|setup|bench|test|minio|templates|examples)/' },
    },
    {
      name: 'parts-to-lib-only',
      comment: 'The connector, the local appliance and the command line meet only through the running system.',
      severity: 'error',
      from: { path: '^(connector|local|cli)/' },
      to: { path: '^(functions|connector|local|cli|bench|test)/', pathNot: '^$1/' },
    },
    {
      name: 'lib-never-up',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(functions|connector|local|cli|setup|bench|test|minio|templates|examples)/' },
    },
  ],
  options: {
    // TypeScript 7 has no parser to lend: swc reads the files, type imports included.
    parser: 'swc',
    includeOnly: '^(functions|lib|connector|local|cli|minio|templates|examples|bench|setup|test)/|^node_modules/',
    exclude: '(^|/)\\.box/',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
