import * as z from 'zod/mini';
import {
  accountSchema,
  addressSchema,
  messageSchema,
  ownPresenceSchema,
  permissionSchema,
  routeSchema,
  serverSchema,
  settingsSchema,
  snapshotSchema,
  talkSchema,
} from './entities.ts';

const id = z.string().check(z.minLength(1), z.maxLength(128));
const name = z.string().check(z.maxLength(200));
const path = z.string().check(z.minLength(1), z.maxLength(4096));
/** As composed; the route's own limit is checked against it in the core (`too-big`). */
const text = z.string().check(z.maxLength(4 * 1024 * 1024));
/** Characters in a file of authorities. */
export const MAXIMUM_PEM = 262_144;
const secret = z.string().check(z.minLength(1), z.maxLength(1024));
/** NIST SP 800-63B §5.1.1.2: at least 8 characters. */
export const MINIMUM_PASSPHRASE = 8;
const passphrase = z.string().check(z.maxLength(1024));
const nothing = z.object({});
const done = z.null();

/** PEM of certificates of authorities: the campus's own. */
const pem = z.string().check(z.maxLength(MAXIMUM_PEM));

const choice = z.union([z.string(), z.number(), z.boolean()]);

const account = {
  displayName: name,
  server: z.optional(serverSchema),
  transport: z.optional(z.enum(['udp', 'tcp', 'tls'])),
  authenticationName: z.optional(z.string().check(z.maxLength(256))),
  authorities: z.optional(pem),
  /** Choices of the protocol, by name: for SIP `msrpRelay`, host or URI of the relay for files, and `xcapRoot`, where the list is. */
  options: z.optional(z.record(z.string(), choice)),
};

/**
 * Everything that can be asked of the core: by a window, and by `npm run headless`, line by line. Each has a schema for
 * what goes in and what comes out; `help` is the line the headless program prints.
 */
export const commands = {
  'app.snapshot': { help: 'everything known now, for the first paint', input: nothing, output: snapshotSchema },
  'app.dismissNotice': { help: 'forget one notice', input: z.object({ noticeId: id }), output: done },
  'app.unlock': {
    help: 'open the history of this profile, where the start was refused with passphrase-needed',
    input: z.object({ passphrase }),
    output: done,
  },
  'app.beginAnew': {
    help: 'where the passphrase was forgotten: set the history and accounts aside, unread, and begin with none',
    input: nothing,
    output: done,
  },
  'app.setPassphrase': {
    help: 'protect the history by a passphrase (null: no longer) where the system has no password store',
    input: z.object({
      passphrase: z.nullable(passphrase.check(z.minLength(MINIMUM_PASSPHRASE))),
      current: z.optional(passphrase),
    }),
    output: done,
  },
  'settings.change': {
    help: 'change settings; what is left out stays',
    input: z.partial(settingsSchema),
    output: settingsSchema,
  },

  'accounts.signIn': {
    help: 'add an account and connect it; protocol is sip, xmpp, or local (this network, no server)',
    input: z.object({
      protocol: z.string().check(z.maxLength(32)),
      address: z.optional(z.string().check(z.maxLength(1024))),
      password: z.optional(secret),
      ...account,
    }),
    output: accountSchema,
  },
  'accounts.change': {
    help: 'change an account; a new password is tried at once',
    input: z.object({
      accountId: id,
      password: z.optional(secret),
      enabled: z.optional(z.boolean()),
      displayName: z.optional(name),
      server: z.optional(z.nullable(serverSchema)),
      transport: z.optional(z.nullable(z.enum(['udp', 'tcp', 'tls']))),
      authenticationName: z.optional(z.nullable(z.string().check(z.maxLength(256)))),
      authorities: z.optional(z.nullable(pem)),
      /** What is left out stays; null takes a choice back. */
      options: z.optional(z.record(z.string(), z.nullable(choice))),
    }),
    output: accountSchema,
  },
  'accounts.trustCertificate': {
    help: 'trust the refused certificate with this fingerprint for this account, and connect',
    input: z.object({ accountId: id, fingerprint: z.string().check(z.maxLength(128)) }),
    output: done,
  },
  'accounts.allowAuthentication': {
    help: 'allow the weaker or changed way in which the server asks for the password (protocolCode of the fault), and connect',
    input: z.object({ accountId: id, asked: z.string().check(z.maxLength(8192)) }),
    output: done,
  },
  'accounts.retry': { help: 'connect now instead of waiting', input: z.object({ accountId: id }), output: done },
  'accounts.remove': {
    help: 'sign out and forget the account and its password; talks stay',
    input: z.object({ accountId: id }),
    output: done,
  },

  'presence.set': { help: 'what others see of us', input: ownPresenceSchema, output: done },

  'people.add': {
    help: 'add somebody to an account’s contact list',
    input: z.object({
      accountId: id,
      address: z.string().check(z.minLength(1), z.maxLength(1024)),
      name,
      groups: z.array(name),
    }),
    output: z.object({ personId: id }),
  },
  'people.change': {
    help: 'rename somebody or change their groups, in every list they are in',
    input: z.object({ personId: id, name, groups: z.array(name) }),
    output: done,
  },
  'people.remove': {
    help: 'take somebody out of all contact lists; the talk stays',
    input: z.object({ personId: id }),
    output: done,
  },
  'people.setPermission': {
    help: 'what somebody may see of us, on every account that can keep it: allow, polite-block, block or ask',
    input: z.object({ personId: id, permission: permissionSchema }),
    output: done,
  },
  'people.join': {
    help: 'say that two are the same person: addresses and talks become those of `into`; `talkId`: of the talk they have now',
    input: z.object({ personId: id, into: id }),
    output: z.object({ talkId: z.nullable(id) }),
  },
  'people.verificationCode': {
    help: 'the 60 digits two people compare to be sure of each other, where no server vouches for them',
    input: routeSchema,
    output: z.object({ code: z.string() }),
  },
  'people.confirmCode': {
    help: 'say that the other person sees the same digits',
    input: z.object({ route: routeSchema, code: z.string().check(z.regex(/^\d{60}$/)) }),
    output: done,
  },
  'requests.answer': {
    help: 'answer somebody who asks to see our presence',
    input: z.object({ accountId: id, address: addressSchema, answer: z.enum(['accept', 'decline']) }),
    output: done,
  },

  'talks.open': {
    help: 'the talk with a person, made if there was none',
    input: z.object({ personId: id }),
    output: talkSchema,
  },
  'talks.openAddress': {
    help: 'the talk with an address on an account, made if there was none',
    input: z.object({ accountId: id, address: z.string().check(z.minLength(1), z.maxLength(1024)) }),
    output: talkSchema,
  },
  'talks.setRoute': {
    help: 'by which account and address to write',
    input: z.object({ talkId: id, route: routeSchema }),
    output: done,
  },
  'talks.setDraft': { help: 'keep what is half written', input: z.object({ talkId: id, draft: text }), output: done },
  'talks.markRead': {
    help: 'all messages up to this sequence were seen',
    input: z.object({ talkId: id, upTo: z.number() }),
    output: done,
  },
  'talks.typing': {
    help: 'we are writing, or stopped',
    input: z.object({ talkId: id, composing: z.boolean() }),
    output: done,
  },
  'talks.remove': {
    help: 'forget a talk and its messages here; files stay',
    input: z.object({ talkId: id }),
    output: done,
  },

  'messages.page': {
    help: 'up to `limit` messages before a sequence (or the newest), oldest first',
    input: z.object({
      talkId: id,
      before: z.optional(z.number()),
      after: z.optional(z.number()),
      limit: z.number().check(z.int(), z.minimum(1), z.maximum(200)),
    }),
    output: z.object({ messages: z.array(messageSchema), more: z.boolean() }),
  },
  'messages.send': {
    help: 'send a text; kept on disk before this answers. `messageId` makes a repeated call harmless',
    input: z.object({ talkId: id, text, messageId: z.optional(z.uuid()) }),
    output: messageSchema,
  },
  'messages.retry': { help: 'send a failed text again', input: z.object({ messageId: id }), output: done },
  'messages.search': {
    help: 'messages with these words, newest first; in one talk or in all',
    input: z.object({
      query: z.string().check(z.maxLength(500)),
      talkId: z.optional(id),
      limit: z.number().check(z.int(), z.minimum(1), z.maximum(200)),
    }),
    output: z.array(messageSchema),
  },

  'transfers.offer': {
    help: 'offer files by path',
    input: z.object({
      talkId: id,
      paths: z.array(path).check(z.minLength(1), z.maxLength(50)),
      note: z.optional(text),
    }),
    output: z.object({ transferIds: z.array(id) }),
  },
  'transfers.offerData': {
    help: 'offer something that is no file yet, such as a pasted picture',
    input: z.object({
      talkId: id,
      name,
      type: z.string().check(z.maxLength(255)),
      data: z.instanceof(Uint8Array),
    }),
    output: z.object({ transferId: id }),
  },
  'transfers.accept': {
    help: 'accept an offered file, into the download folder or as this path',
    input: z.object({ transferId: id, path: z.optional(path) }),
    output: done,
  },
  'transfers.decline': { help: 'decline an offered file', input: z.object({ transferId: id }), output: done },
  'transfers.cancel': { help: 'cancel at any moment', input: z.object({ transferId: id }), output: done },
  'transfers.pause': {
    help: 'let a running transfer stand still, over restarts too',
    input: z.object({ transferId: id }),
    output: done,
  },
  'transfers.resume': { help: 'let it go on', input: z.object({ transferId: id }), output: done },
  'transfers.retry': {
    help: 'offer a failed or cancelled file of ours again',
    input: z.object({ transferId: id }),
    output: done,
  },
  'transfers.open': {
    help: 'open a finished file with its program',
    input: z.object({ transferId: id }),
    output: done,
  },
  'transfers.reveal': { help: 'show a finished file in its folder', input: z.object({ transferId: id }), output: done },
  'transfers.clear': {
    help: 'take all ended transfers out of the panel; in their talks they stay',
    input: nothing,
    output: done,
  },
} as const;

export type Commands = typeof commands;
export type CommandName = keyof Commands;
export type CommandInput<Name extends CommandName> = z.infer<Commands[Name]['input']>;
export type CommandOutput<Name extends CommandName> = z.infer<Commands[Name]['output']>;
