export { HeldPath, RootDirectory } from './root-directory.js';
export { readAttributes, setAttribute } from './attributes.js';
export { deviceParts, makeNode } from './nodes.js';
export { setTimes } from './times.js';
