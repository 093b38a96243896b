import type { Fault } from './entities.ts';

/** Codes the core itself adds to those of the provider layer. */
export type CoreFaultCode =
  | 'command-unknown'
  | 'command-invalid'
  | 'not-found'
  | 'wrong-state'
  | 'already-exists'
  | 'authority-invalid'
  | 'not-available-here'
  | 'risky-file'
  | 'file-gone'
  | 'profile-folder'
  | 'profile-in-use'
  | 'profile-sealed'
  | 'secrets-locked'
  | 'passphrase-needed'
  | 'passphrase-wrong'
  | 'key-damaged'
  | 'database-newer'
  | 'database-salvaging'
  | 'database-unavailable'
  | 'core-gone';

/** A start refused with these waits for what a person says: `app.unlock` or `app.beginAnew`. */
export const isLockedCode = (code: string): boolean =>
  code === 'passphrase-needed' || code === 'passphrase-wrong' || code === 'key-damaged';

/** A command that could not be done. Crosses every process border by its `fault`. */
export class CommandError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, options?: { cause?: unknown }) {
    super(fault.code, options);
    this.name = 'CommandError';
    this.fault = fault;
  }
}

/** @example throw refuse('not-found'); */
export const refuse = (code: CoreFaultCode, options?: { cause?: unknown; retryable?: boolean }): CommandError =>
  new CommandError({ code, retryable: options?.retryable ?? false }, options);
