import type { EngineEvent } from '@berth/engine';

/** An event as one line of `GET /events`. */
export function eventLine(event: EngineEvent): string {
  const { type, action, actor, timeNano } = event;
  // What there was before events had a type; the docker command's own templates still read it.
  const legacy =
    type === 'container' || type === 'image'
      ? { status: action, id: actor.id, ...(type === 'container' ? { from: actor.attributes.image } : {}) }
      : {};
  const line = JSON.stringify({
    ...legacy,
    Type: type,
    Action: action,
    Actor: { ID: actor.id, Attributes: actor.attributes },
    scope: 'local',
    time: Number(timeNano / 1_000_000_000n),
  });
  // Nanoseconds don't fit a double: the number is written by hand.
  return `${line.slice(0, -1)},"timeNano":${timeNano.toString()}}\n`;
}
