export { NETNS_DIRECTORY, NetworkNamespace, inNamespace, warmThreadPool } from './network-namespace.js';
