import { createBirpc } from 'birpc';
import {
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type CoreEvent,
  type CoreSide,
  callCore,
  checkEvents,
  PORT_MESSAGE,
  refuse,
  type WindowSide,
} from '../../electron/contract/index.ts';

/** The window's end of the line to the core. Calls reject with a CommandError. */
export interface CoreLink {
  call<Name extends CommandName>(name: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>>;
  close(): void;
}

interface LinkOptions {
  /** Where the preload script posts the port. */
  target: Window;
  /** A port came: the core is there, or there again. Everything known must be fetched anew. */
  onConnected: () => void;
  /** The other end is gone; a new port will come. */
  onLost: () => void;
  onEvents: (events: CoreEvent[]) => void;
  report: (error: unknown) => void;
}

/**
 * Takes the port whenever the preload script posts one. A new port replaces the old: what was asked over the old one
 * is rejected with `core-gone`, for the core that should answer is no more.
 */
export function createCoreLink({ target, onConnected, onLost, onEvents, report }: LinkOptions): CoreLink {
  let core: CoreSide | undefined;
  let leave = () => {};

  const take = (port: MessagePort) => {
    leave();
    const rpc = createBirpc<CoreSide, WindowSide>(
      { events: (batch) => onEvents(checkEvents(batch, report)) },
      {
        post: (data) => port.postMessage(data),
        on: (listen) => {
          port.onmessage = (event) => listen(event.data);
        },
        // a transfer may be offered, and hashed, for as long as it takes; a lost core is seen by its port
        timeout: -1,
      },
    );
    const mine = { call: (name: string, input: unknown) => rpc.call(name, input) };
    leave = () => {
      core = undefined;
      rpc.$close(refuse('core-gone', { retryable: true }));
      port.close();
    };
    core = mine;
    // Chromium tells when the other end is gone; the type does not know yet
    port.addEventListener('close', () => {
      if (core !== mine) return; // an older port, already replaced
      leave();
      onLost();
    });
    onConnected();
  };

  const listen = (event: MessageEvent) => {
    const port = event.ports[0];
    if (event.data === PORT_MESSAGE && port) take(port);
  };
  target.addEventListener('message', listen);

  return {
    call: async (name, input) => {
      if (!core) throw refuse('core-gone', { retryable: true });
      return callCore(core, name, input);
    },
    close: () => {
      target.removeEventListener('message', listen);
      leave();
    },
  };
}
