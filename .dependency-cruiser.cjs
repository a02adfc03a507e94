/** The layers, lowest first: an import points down this list, never up (docs/architecture.md). */
const layers = ['core', 'kernel', 'network', 'engine', 'daemon', 'cli'];

const upward = layers.slice(0, -1).map((layer, depth) => ({
  name: `${layer}-imports-nothing-above`,
  severity: 'error',
  from: { path: `^packages/${layer}/` },
  to: { path: `^packages/(${layers.slice(depth + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'through-the-door',
      comment: "A package is imported by its name, never by a path into another package's files.",
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/', pathNot: '^packages/($1/|[^/]+/(dist|src)/index\\.(js|d\\.ts|ts)$)' },
    },
    {
      name: 'tests-use-doors',
      severity: 'error',
      from: { path: '^(tests|bench|scripts)/' },
      to: { path: '^packages/', pathNot: '^packages/[^/]+/(dist|src)/index\\.(js|d\\.ts|ts)$' },
    },
    {
      name: 'no-cycles',
      comment: 'Types alone may refer to each other; code may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'product-does-not-need-dev-packages',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules|/dist/' },
    exclude: { path: '^(tests|bench)/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.check.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'default'] },
  },
};
