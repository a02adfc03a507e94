import { createRequire } from 'node:module';
import type Database from 'libsql';
import { BerthError } from './errors.js';

/** A set of JSON documents under string keys, part of one store. */
export interface Collection<T> {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
  delete(key: string): void;
  /** All documents, by key. */
  entries(): [key: string, value: T][];
}

/** The layout of the database file; a file of a newer layout is refused. */
const SCHEMA_VERSION = 1;

/**
 * The embedded, transactional store: one SQLite file (write-ahead log). Writes are visible to the next process
 * as soon as the call returns, whatever kills this one; after a power failure the last moments may be missing,
 * but the file is whole (`synchronous=NORMAL`).
 */
export class Store {
  readonly #db: Database.Database;

  private constructor(db: Database.Database) {
    this.#db = db;
  }

  /**
   * Opens or creates the store.
   *
   * @throws BerthError `unavailable` if the file is no store, or is of a newer layout
   */
  static open(path: string): Store {
    let db: Database.Database;
    try {
      db = new (load())(path);
      db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;');
      db.exec(
        'CREATE TABLE IF NOT EXISTS documents (collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, ' +
          'PRIMARY KEY (collection, key)) WITHOUT ROWID',
      );
    } catch (cause) {
      throw new BerthError('unavailable', `cannot open the state store ${path}: ${String(cause)}`, { cause });
    }
    const version = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
    if (version > SCHEMA_VERSION) {
      db.close();
      throw new BerthError(
        'unavailable',
        `the state store ${path} was written by a newer Berth (layout ${version})`,
      );
    }
    if (version < SCHEMA_VERSION) db.exec(`PRAGMA user_version=${SCHEMA_VERSION}`);
    return new Store(db);
  }

  /** The collection of that name; it exists as soon as it holds something. */
  collection<T>(name: string): Collection<T> {
    const get = this.#db.prepare('SELECT value FROM documents WHERE collection = ? AND key = ?');
    const put = this.#db.prepare(
      'INSERT OR REPLACE INTO documents (collection, key, value) VALUES (?, ?, ?)',
    );
    const remove = this.#db.prepare('DELETE FROM documents WHERE collection = ? AND key = ?');
    const all = this.#db.prepare('SELECT key, value FROM documents WHERE collection = ? ORDER BY key');
    return {
      get: (key) => {
        const row = get.get([name, key]) as { value: string } | undefined;
        return row === undefined ? undefined : (JSON.parse(row.value) as T);
      },
      put: (key, value) => void put.run([name, key, JSON.stringify(value)]),
      delete: (key) => void remove.run([name, key]),
      entries: () =>
        (all.all([name]) as { key: string; value: string }[]).map((row) => [
          row.key,
          JSON.parse(row.value) as T,
        ]),
    };
  }

  /** Runs `change` as one transaction: all of its writes, or, when it throws, none. */
  transaction<T>(change: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}

/** Loaded with the first store: a command that keeps no state does not pay for the library. */
function load(): typeof Database {
  return createRequire(import.meta.url)('libsql') as typeof Database;
}
