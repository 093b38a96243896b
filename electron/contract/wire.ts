import * as z from 'zod/mini';
import { type CommandInput, type CommandName, type CommandOutput, commands } from './commands.ts';
import { faultSchema } from './entities.ts';
import { type CoreEvent, eventSchema } from './events.ts';
import { CommandError, refuse } from './faults.ts';

// What goes over the port between a window and the core. birpc carries it; this gives it meaning and checks both sides.

/** The answer to a command: a fault is a value, so that its code survives the border. */
export const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), output: z.unknown() }),
  z.object({ ok: z.literal(false), fault: faultSchema }),
]);
export type Answer = z.infer<typeof answerSchema>;

/** Functions the core offers on a window's port. */
export interface CoreSide {
  call(name: string, input: unknown): Promise<Answer>;
}
/** Functions a window offers on the same port. Events come in batches, in order. */
export interface WindowSide {
  events(batch: CoreEvent[]): void;
}

export type Handlers = {
  [Name in CommandName]: (input: CommandInput<Name>) => CommandOutput<Name> | Promise<CommandOutput<Name>>;
};

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

/**
 * Checks what came in, runs its handler, checks what goes out. Never rejects.
 * `report` is told of every fault that nobody foresaw.
 */
export async function answer(
  handlers: Handlers,
  name: string,
  input: unknown,
  report: (error: unknown) => void,
): Promise<Answer> {
  try {
    if (!isCommand(name)) throw refuse('command-unknown');
    const parsed = commands[name].input.safeParse(input);
    if (!parsed.success) throw refuse('command-invalid');
    const handler = handlers[name] as (input: unknown) => unknown;
    return { ok: true, output: commands[name].output.parse(await handler(parsed.data)) };
  } catch (error) {
    if (error instanceof CommandError) return { ok: false, fault: error.fault };
    report(error);
    return { ok: false, fault: { code: 'internal', retryable: false } };
  }
}

/** The window's half: calls by name, with the types of the table, rejecting with a CommandError. */
export async function callCore<Name extends CommandName>(
  core: CoreSide,
  name: Name,
  input: CommandInput<Name>,
): Promise<CommandOutput<Name>> {
  const reply = answerSchema.parse(await core.call(name, input));
  if (!reply.ok) throw new CommandError(reply.fault);
  return commands[name].output.parse(reply.output) as CommandOutput<Name>;
}

/** Events as they come from the port; one that does not fit the schema is dropped and told to `report`. */
export function checkEvents(batch: unknown, report: (error: unknown) => void): CoreEvent[] {
  const good: CoreEvent[] = [];
  for (const event of Array.isArray(batch) ? batch : []) {
    const parsed = eventSchema.safeParse(event);
    if (parsed.success) good.push(parsed.data);
    else report(parsed.error);
  }
  return good;
}
