import type { SendHead } from '../../framing/writer.ts';
import type { ByteRange } from '../../grammar/headers.ts';
import type { Link } from '../link.ts';
import type { Turns } from './fair-ring.ts';
import type { Output } from './output.ts';

/** How soon a message goes out beside others. */
export type Priority = 'high' | 'normal' | 'low';

/** How the room of a connection is shared. */
export interface Sharing {
  readonly weights: Readonly<Record<Priority, number>>;
  readonly newTurns: <Member>() => Turns<Member>;
  readonly link: Link;
}

/** Most bytes written at once, so that what comes in between is never far behind. */
const LONGEST_PIECE = 1_048_576;

/** A message on its way out, as the queue sees it. */
export interface Flow {
  /** Flows with the same owner (a session) share one turn. */
  readonly owner: object;
  /** The owner's share beside other owners. */
  readonly ownerWeight: number;
  readonly priority: Priority;
  /** Whether there is something to write now. */
  readonly ready: boolean;
  /** Whether a frame has been begun and not ended: nothing else can be written before it is. */
  readonly frameOpen: boolean;
  /** Writes at most about `budget` bytes of body; returns how many bytes it was. */
  write(output: Output, budget: number): number;
  /** Ends the open frame; the message goes on in another one. */
  interrupt(output: Output): void;
}

/**
 * Decides what a connection writes next: responses and reports first, then the messages of its sessions, each in its
 * turn. It writes only as much as the system takes soon, so that a late small message is not behind a megabyte.
 */
export class OutputQueue {
  readonly #output: Output;
  readonly #window: number;
  readonly #trace: (frame: () => string) => void;
  #control: string[] = [];
  readonly #sharing: Sharing;
  readonly #owners: Turns<object>;
  readonly #flows = new Map<object, Turns<Flow>>();
  #open: Flow | undefined;
  #scheduled = false;
  #onIdle: (() => void) | undefined;

  /** `window`: most bytes handed to the system that it has not taken yet. */
  constructor(output: Output, window: number, sharing: Sharing, trace: (frame: () => string) => void) {
    this.#sharing = sharing;
    this.#owners = sharing.newTurns();
    this.#trace = trace;
    this.#output = output;
    this.#window = window;
  }

  /** A whole frame that goes before all messages. */
  control(frame: string): void {
    this.#control.push(frame);
    this.wake();
  }

  /** The flow has something to write. */
  activate(flow: Flow): void {
    let flows = this.#flows.get(flow.owner);
    if (flows === undefined) {
      flows = this.#sharing.newTurns<Flow>();
      this.#flows.set(flow.owner, flows);
    }
    flows.add(flow, this.#sharing.weights[flow.priority]);
    this.#owners.add(flow.owner, flow.ownerWeight);
    this.wake();
  }

  /** The flow has nothing to write for now, or for ever. An open frame of it must have been ended. */
  deactivate(flow: Flow): void {
    const flows = this.#flows.get(flow.owner);
    flows?.remove(flow);
    if (flows?.size !== 0) return;
    this.#flows.delete(flow.owner);
    this.#owners.remove(flow.owner);
  }

  /** Writes the head of a SEND whose body follows. */
  head(head: SendHead, transactionId: string, range: ByteRange): void {
    this.#trace(() => head.text(transactionId, range));
    head.writeTo(this.#output, transactionId, range);
  }

  /** Writes soon: after all that happens in this turn, so that a response and its report leave together. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#pump);
  }

  /** Calls back once when nothing is left to write. */
  whenIdle(callback: () => void): void {
    this.#onIdle = callback;
    this.wake();
  }

  readonly #pump = (): void => {
    this.#scheduled = false;
    const { link } = this.#sharing;
    let waiting = false;
    // control frames are small and must not wait for the window: a peer that sends a lot would time out
    while (this.#control.length > 0 || this.#output.pending < this.#window) {
      if (this.#control.length > 0) {
        this.#writeControl();
        continue;
      }
      const flow = this.#next();
      if (flow === undefined) break;
      const allowed = link.allow(this);
      waiting = allowed === 0;
      if (waiting) break;
      if (this.#open !== undefined && this.#open !== flow.flow) this.#interrupt();
      const written = flow.flow.write(this.#output, Math.min(flow.budget, allowed, LONGEST_PIECE));
      link.spend(this, written);
      this.#open = flow.flow.frameOpen ? flow.flow : undefined;
      this.#flows.get(flow.flow.owner)?.spend(flow.flow, written);
      this.#owners.spend(flow.flow.owner, written);
      if (!flow.flow.ready) this.deactivate(flow.flow);
    }
    if (!waiting) link.leave(this);
    this.#output.flush();
    if (this.#onIdle !== undefined && this.#owners.size === 0 && this.#output.pending === 0) {
      const idle = this.#onIdle;
      this.#onIdle = undefined;
      idle();
    }
  };

  #next(): { readonly flow: Flow; readonly budget: number } | undefined {
    const owner = this.#owners.turn();
    const flow = owner && this.#flows.get(owner.member)?.turn();
    return owner && flow && { flow: flow.member, budget: Math.min(owner.budget, flow.budget) };
  }

  #writeControl(): void {
    if (this.#open !== undefined) this.#interrupt();
    const frames = this.#control;
    this.#control = [];
    for (const frame of frames) {
      this.#trace(() => frame);
      this.#output.text(frame);
    }
  }

  #interrupt(): void {
    this.#open?.interrupt(this.#output);
    this.#open = undefined;
  }
}
