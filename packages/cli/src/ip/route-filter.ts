import type { Family, Prefix } from './internet.js';

/** Which routes a listing shows. */
export interface RouteFilter {
  readonly family: Family | undefined;
  /** `undefined`: every table. */
  readonly table: number | undefined;
  readonly device: number | undefined;
  readonly via: string | undefined;
  readonly source: string | undefined;
  readonly metric: number | undefined;
  readonly protocol: number | undefined;
  readonly scope: number | undefined;
  readonly type: number | undefined;
  /** The destination lies in this network. */
  readonly root: Prefix | undefined;
  /** The destination contains this network. */
  readonly match: Prefix | undefined;
}
