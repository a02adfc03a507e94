export { DescriptorReceiver } from './descriptor-receiver.js';
export { SeqpacketClient } from './seqpacket-client.js';
export { setWindowSize } from './terminal.js';
