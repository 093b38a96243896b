import { MsrpError } from '../errors.ts';
import type { Acceptance, AcceptHook } from '../receiving/incoming-message.ts';
import { type ByteSink, MemorySink } from '../receiving/sink.ts';
import { ENVELOPE_MAXIMUM, parseCpim } from './cpim.ts';

/** A media type that wraps others, and how to tell a good one from a bad one. */
export interface Wrapper {
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  /** Bytes from the start of a message that have to be seen. */
  readonly examined: number;
  /** @throws MsrpError for a bad one */
  readonly validate: (start: Uint8Array) => void;
}

/** Envelopes of RFC 3862. */
export const CPIM_WRAPPER: Wrapper = {
  mediaType: 'message/cpim',
  examined: ENVELOPE_MAXIMUM,
  validate: (start) => {
    parseCpim(start);
  },
};

/** The wrapper for a Content-Type, if it is one. */
export function wrapperFor(wrappers: readonly Wrapper[], contentType: string): Wrapper | undefined {
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase();
  return wrappers.find((wrapper) => wrapper.mediaType === mediaType);
}

/** Sees to it that a bad wrapper is never delivered: the last chunk of it is answered with 400. */
export function validating(accept: AcceptHook, wrappers: readonly Wrapper[]): AcceptHook {
  return (offer) => {
    const wrapper = wrapperFor(wrappers, offer.contentType);
    if (wrapper === undefined) return accept(offer);
    const guard = (acceptance: Acceptance): Acceptance =>
      'sink' in acceptance ? { ...acceptance, sink: validatingSink(acceptance.sink, wrapper) } : acceptance;
    const answer = accept(offer);
    return answer instanceof Promise ? answer.then(guard) : guard(answer);
  };
}

function validatingSink(sink: ByteSink, wrapper: Wrapper): ByteSink {
  const start = new MemorySink(wrapper.examined);
  return {
    write(data, position) {
      const room = wrapper.examined - position;
      if (room > 0) start.write(data.subarray(0, room), position);
      return sink.write(data, position);
    },
    async close() {
      try {
        wrapper.validate(start.bytes);
      } catch (cause) {
        throw new MsrpError('invalid-content', 'A message that is not what it says it is', { status: 400, cause });
      }
      await sink.close();
    },
    abort: (cause) => sink.abort(cause),
  };
}
