import type { BodyAndContentType, SessionDescriptionHandler } from 'sip.js';
import { type BodyPart, formatRelated } from './multipart.ts';

/** One side's session description as its maker wrote it; this layer never looks inside. */
export interface SessionDescription {
  sdp: string;
  /** Further body parts beside it, such as file icons (RFC 5547 §7). */
  parts?: readonly BodyPart[];
}

/** Answers an offer made within the session. Throwing (or rejecting) refuses it with 488. */
export type ReofferAnswerer = (offer: SessionDescription) => SessionDescription | Promise<SessionDescription>;

/**
 * What sip.js asks for descriptions. It only passes them through: ours are set before sip.js wants them, theirs are kept
 * for the session. sip.js tells it neither the direction nor whether a session already stands, so it keeps that itself.
 */
export class PassThroughDescriptions implements SessionDescriptionHandler {
  /** What we say next: the offer, or the answer. */
  local: SessionDescription | undefined;
  /** What they said last. */
  remote: SessionDescription | undefined;
  /** True once the first offer and answer are exchanged: from then on remote descriptions are new offers or answers. */
  established = false;
  /** We offered within the session, so the next remote description is its answer. */
  offering = false;
  answerReoffer: ReofferAnswerer | undefined;
  /** They offered within the session, and our answer is not ready: nothing of ours can be offered meanwhile. */
  answering = false;

  async getDescription(): Promise<BodyAndContentType> {
    if (!this.local) throw new Error('no session description');
    const { sdp, parts } = this.local;
    return parts && parts.length > 0 ? formatRelated(sdp, parts) : { body: sdp, contentType: 'application/sdp' };
  }

  hasDescription(contentType: string): boolean {
    return /^application\/sdp\b/i.test(contentType);
  }

  async setDescription(sdp: string): Promise<void> {
    const description: SessionDescription = { sdp };
    if (this.established && !this.offering && this.answerReoffer) this.local = await this.#answer(description);
    this.remote = description;
  }

  async #answer(offer: SessionDescription): Promise<SessionDescription | undefined> {
    this.answering = true;
    try {
      return await this.answerReoffer?.(offer);
    } finally {
      this.answering = false;
    }
  }

  sendDtmf(): boolean {
    return false;
  }

  close(): void {
    this.answerReoffer = undefined;
  }
}
