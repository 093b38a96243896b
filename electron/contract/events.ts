import * as z from 'zod/mini';
import {
  accountSchema,
  messageSchema,
  noticeSchema,
  ownPresenceSchema,
  personSchema,
  protectionSchema,
  requestSchema,
  settingsSchema,
  talkSchema,
  transferSchema,
} from './entities.ts';

const ids = z.array(z.string());

/** What changed. Each carries whole new facts; applying one twice changes nothing. */
export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('accounts'), accounts: z.array(accountSchema) }),
  z.object({ type: z.literal('people'), changed: z.array(personSchema), removed: ids }),
  z.object({ type: z.literal('talks'), changed: z.array(talkSchema), removed: ids }),
  z.object({ type: z.literal('messages'), changed: z.array(messageSchema) }),
  z.object({ type: z.literal('transfers'), changed: z.array(transferSchema), removed: ids }),
  z.object({ type: z.literal('requests'), requests: z.array(requestSchema) }),
  z.object({ type: z.literal('presence'), presence: ownPresenceSchema }),
  z.object({ type: z.literal('typing'), talkId: z.string(), composing: z.boolean() }),
  z.object({ type: z.literal('settings'), settings: settingsSchema }),
  z.object({ type: z.literal('protection'), protection: protectionSchema }),
  z.object({ type: z.literal('notices'), notices: z.array(noticeSchema) }),
]);
export type CoreEvent = z.infer<typeof eventSchema>;
