export { BindGuard, type PortRun } from './bind-guard.js';
