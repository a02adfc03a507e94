import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (layer: string) => fileURLToPath(new URL(`packages/${layer}/src/index.ts`, import.meta.url));
const layers = ['core', 'kernel', 'network', 'engine', 'daemon'];
const alias = Object.fromEntries(layers.map((layer) => [`@berth/${layer}`, source(layer)]));

export default defineConfig({
  resolve: { alias },
  test: {
    // Namespaces belong to a thread: each test file gets a process of its own.
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: 'black-box',
          include: ['tests/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
