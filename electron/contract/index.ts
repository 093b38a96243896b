export * from './commands.ts';
export * from './entities.ts';
export * from './events.ts';
export * from './faults.ts';
export * from './pictures/picture-rule.ts';
export * from './shell.ts';
export * from './wire.ts';
