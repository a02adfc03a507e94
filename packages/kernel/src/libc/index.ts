export { check, declare, type CArgument, type CType, type LibcFunction } from './declare.js';
export { errnoName, errnoNumber, errnoText, type Errno } from './errno.js';
export {
  bind,
  close,
  getsockname,
  mount,
  recv,
  send,
  setns,
  setsockopt,
  socket,
  umount2,
  unshare,
} from './functions.js';
export { closeInBackground } from './background-close.js';
