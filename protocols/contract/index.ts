// The provider contract: the one thing that providers and their users both know.
export * from './address.ts';
export * from './contact-list.ts';
export * from './emitter.ts';
export * from './errors.ts';
export * from './file-transfer.ts';
export * from './messaging.ts';
export * from './presence.ts';
export * from './provider.ts';
export * from './registration.ts';
export * from './unawaited.ts';
export * from './verification.ts';
