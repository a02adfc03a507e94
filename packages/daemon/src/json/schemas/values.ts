/** Go clients send null for whatever the user left alone. */
export const nullable = <const Schema>(schema: Schema) => ({ anyOf: [schema, { type: 'null' }] }) as const;

export const OptionalString = { type: ['string', 'null'] } as const;
export const OptionalBoolean = { type: ['boolean', 'null'] } as const;
export const OptionalInteger = { type: ['integer', 'null'] } as const;
export const OptionalStrings = nullable({ type: 'array', items: { type: 'string' } });
export const OptionalStringMap = nullable({ type: 'object', additionalProperties: { type: 'string' } });
/** A Go set: only the keys matter. */
export const OptionalSet = nullable({ type: 'object', additionalProperties: { type: 'object' } });
/** A command: Docker takes one string for a list of one. */
export const OptionalCommand = {
  anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'string' }, { type: 'null' }],
} as const;
