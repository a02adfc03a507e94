export {
  nftChanges,
  type NftBaseChain,
  type NftChange,
  type NftElement,
  type NftElements,
  type NftFamily,
  type NftRule,
} from './changes.js';
export { expressions, type Expression } from './expressions.js';
export { nftKeys, type TransportProtocol } from './keys.js';
export { Nftables } from './libnftables.js';
export { NftSocket } from './nft-socket.js';
