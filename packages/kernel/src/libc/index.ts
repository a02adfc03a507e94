export { addressOf, check, declare, type CArgument, type CType, type LibcFunction } from './declare.js';
export { errnoName, errnoNumber, errnoText, type Errno } from './errno.js';
export { MessageHeader, type MessageParts } from './message-header.js';
export {
  bind,
  close,
  getsockname,
  mount,
  recv,
  recvmsg,
  send,
  sendmsg,
  setns,
  setsockopt,
  socket,
  umount2,
  unshare,
} from './functions.js';
