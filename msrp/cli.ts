import { parseCommand } from './cli/arguments.ts';
import { finish } from './cli/lines.ts';
import { receive } from './cli/receive.ts';
import { send } from './cli/send.ts';

/** The command: what this library can do, for programs in any language. */
async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  await (command.name === 'send' ? send(command) : receive(command));
}

main().catch(finish);
