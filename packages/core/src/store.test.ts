import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Store } from './store.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-store-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what was written is there after a reopen', () => {
  const path = join(folder, 'state.db');
  const first = Store.open(path);
  first.collection<{ name: string }>('networks').put('a', { name: 'bridge' });
  first.close();
  const second = Store.open(path);
  expect(second.collection('networks').entries()).toEqual([['a', { name: 'bridge' }]]);
  expect(second.collection('endpoints').entries()).toEqual([]);
  second.close();
});

test('a transaction that throws writes nothing', () => {
  const store = Store.open(join(folder, 'state.db'));
  const networks = store.collection<number>('networks');
  networks.put('kept', 1);
  expect(() =>
    store.transaction(() => {
      networks.delete('kept');
      networks.put('lost', 2);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(networks.get('kept')).toBe(1);
  expect(networks.get('lost')).toBeUndefined();
  store.close();
});

test('a file that is no store is refused by name', () => {
  const path = join(folder, 'state.db');
  writeFileSync(path, 'this is no database, and long enough to be read as a header of one');
  expect(() => Store.open(path)).toThrow(/state\.db/);
});
