export { parseDuration } from './durations.js';
export {
  BerthError,
  TeardownError,
  isBerthError,
  toError,
  type BerthErrorDetails,
  type ErrorCode,
} from './errors.js';
export { ID_LENGTH, SHORT_ID_LENGTH, newId, shortId, type Brand } from './ids.js';
export {
  LOG_LEVELS,
  createLogger,
  silentLogger,
  type LogFields,
  type LogLevel,
  type Logger,
} from './logger.js';
export { resolveReference } from './resolve.js';
export { runSteps, type Step } from './steps.js';
export { Store, type Collection } from './store.js';
