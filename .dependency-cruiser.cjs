// Which part may import which: `npm run ok` holds this. Imports run down only.
module.exports = {
  forbidden: [
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
    enhancedResolveOptions: { extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json'] },
  },
};
