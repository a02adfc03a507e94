// Bundles the command for a fast start: one file for what most commands need, others for the parts that few need.
// CommonJS, since Node starts it 10 ms faster than modules. What has binaries of its own stays outside.
// Run by `npm run build`, after the compiler.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = `${root}packages/cli/dist/bundle`;

/** Files of the bundle, and what they begin with; the import that leads to each. */
const parts = [
  { name: 'main', entry: 'packages/cli/dist/main.js' },
  { name: 'ip', entry: 'packages/cli/dist/ip/index.js', import: /\/ip\/index\.js$/ },
  { name: 'brctl', entry: 'packages/cli/dist/brctl/index.js', import: /\/brctl\/index\.js$/ },
  { name: 'nsexec', entry: 'packages/cli/dist/nsexec/index.js', import: /\/nsexec\/index\.js$/ },
  { name: 'daemon', entry: 'packages/daemon/dist/index.js', import: /^@berth\/daemon$/ },
];

/** Leaves what is another part outside of a part, and asks for its file. */
const otherParts = {
  name: 'other-parts',
  setup({ onResolve }) {
    for (const { name, import: filter } of parts) {
      if (filter === undefined) continue;
      onResolve({ filter }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: `./${name}.cjs`, external: true } : undefined,
      );
    }
  },
};

const { outputFiles } = await build({
  write: false,
  absWorkingDir: root,
  entryPoints: parts.map(({ name, entry }) => ({ in: entry, out: name })),
  outdir,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external: ['koffi', 'libsql'],
  plugins: [otherParts],
  // Other parts are required, not imported: the loader of modules is what costs.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': '__filename' },
  legalComments: 'none',
  logLevel: 'warning',
});

// A command that starts meanwhile finds the old file or the new one, whole.
mkdirSync(outdir, { recursive: true });
for (const { path, contents } of outputFiles) {
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}
