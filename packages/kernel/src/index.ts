export { KernelError, isErrno, type KernelErrorDetails } from './errors.js';
export { type Errno } from './libc/index.js';
