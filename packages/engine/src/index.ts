export type * from './model.js';
export type * from './signatures.js';
