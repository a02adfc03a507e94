export { resolveContainer, type ResolvedContainer } from './client/containers.js';
