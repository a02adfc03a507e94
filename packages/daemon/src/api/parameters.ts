import { BerthError } from '@berth/core';
import type { TerminalSize } from '@berth/engine';
import type { Query } from '../http/query.js';

export const IdParameter = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1 } },
  required: ['id'],
} as const;
export const NameParameter = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1 } },
  required: ['name'],
} as const;

/** @throws BerthError `invalid` unless `h` and `w` are both there and positive */
export function terminalSize(query: Query): TerminalSize {
  const [rows, columns] = [query.integer('h'), query.integer('w')];
  if (
    rows === undefined ||
    columns === undefined ||
    rows < 0 ||
    columns < 0 ||
    rows > 65535 ||
    columns > 65535
  ) {
    throw new BerthError('invalid', 'a terminal size needs h (rows) and w (columns), each from 0 to 65535');
  }
  return { rows, columns };
}
