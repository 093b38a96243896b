import * as z from 'zod/mini';

// What the core tells a window: immutable facts, checked when they cross. Times are ms since the epoch, sizes bytes.

const id = z.string().check(z.minLength(1), z.maxLength(128));
export const addressSchema = z.string().check(z.minLength(3), z.maxLength(1024));

/** A fault as it crosses a process border: code and facts, never prose. The window owns the sentences. */
export const faultSchema = z.object({
  code: z.string(),
  /** The protocol's own number or condition, for the details. */
  protocolCode: z.optional(z.string()),
  retryable: z.boolean(),
  /** The most that is taken, in bytes. */
  limit: z.optional(z.number()),
  certificate: z.optional(
    z.object({
      fingerprint: z.string(),
      subject: z.string(),
      issuer: z.string(),
      validFrom: z.string(),
      validTo: z.string(),
      reason: z.string(),
      host: z.string(),
      /** Another certificate was trusted before. */
      changed: z.optional(z.literal(true)),
    }),
  ),
});
export type Fault = z.infer<typeof faultSchema>;

export const registrationSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('offline') }),
  z.object({
    state: z.literal('connecting'),
    step: z.enum(['locating', 'connecting', 'securing', 'authenticating', 'registering', 'restoring']),
  }),
  z.object({ state: z.literal('online'), since: z.number() }),
  z.object({ state: z.literal('waiting'), retryAt: z.number(), cause: faultSchema }),
  z.object({ state: z.literal('stopped'), cause: faultSchema }),
]);
export type RegistrationView = z.infer<typeof registrationSchema>;

export const presenceStateSchema = z.enum(['available', 'away', 'busy', 'do-not-disturb', 'offline']);

export const ownPresenceSchema = z.object({
  state: presenceStateSchema,
  note: z.string().check(z.maxLength(300)),
});
export type OwnPresenceView = z.infer<typeof ownPresenceSchema>;

export const peerPresenceSchema = z.object({
  state: z.union([presenceStateSchema, z.literal('unknown')]),
  note: z.optional(z.string()),
  idleSince: z.optional(z.number()),
});
export type PeerPresenceView = z.infer<typeof peerPresenceSchema>;

/** Where a server is and how to reach it, when a person said so. */
export const serverSchema = z.object({
  host: z.string().check(z.minLength(1), z.maxLength(253)),
  port: z.number().check(z.int(), z.minimum(1), z.maximum(65535)),
});

/** Who signs certificates that this account believes, beside the authorities of the computer. */
export const authoritySchema = z.object({
  subject: z.string(),
  /** SHA-256, upper-case hex pairs with colons. */
  fingerprint: z.string(),
  /** ISO 8601; empty if it cannot be read. */
  validTo: z.string(),
});
export type Authority = z.infer<typeof authoritySchema>;

export const accountSchema = z.object({
  id,
  protocol: z.string(),
  address: addressSchema,
  displayName: z.string(),
  enabled: z.boolean(),
  registration: registrationSchema,
  server: z.optional(serverSchema),
  transport: z.optional(z.enum(['udp', 'tcp', 'tls'])),
  authenticationName: z.optional(z.string()),
  authorities: z.optional(z.array(authoritySchema)),
  /** SIP: host or URI of the relay its files go through (RFC 4976); without it they go directly. */
  msrpRelay: z.optional(z.string()),
  /** SIP: https URI of the root of its XCAP server (RFC 4825 §6.1); without it the server is looked for. */
  xcapRoot: z.optional(z.string()),
  /** Where its contact list lives; null when it has none. */
  contactList: z.nullable(z.enum(['server', 'waiting', 'local', 'discovered'])),
  /** Entries of the list on the server that cannot be shown. */
  contactsUnread: z.number(),
  /** False when the password is kept only until the program closes. */
  passwordKept: z.boolean(),
});
export type Account = z.infer<typeof accountSchema>;

/** `polite-block`: they see us as offline; `ask`: nothing until we say. */
export const permissionSchema = z.enum(['allow', 'polite-block', 'block', 'ask']);
export type Permission = z.infer<typeof permissionSchema>;

export const personAddressSchema = z.object({
  accountId: id,
  address: addressSchema,
  presence: peerPresenceSchema,
  subscription: z.enum(['mutual', 'outgoing', 'incoming', 'pending', 'none']),
  /** In an account's contact list (and can be taken out of it). */
  listed: z.boolean(),
  /** What they may see of us, where the account's server keeps that person by person. */
  permission: z.optional(permissionSchema),
  /**
   * Where an address is a key: whether a person has compared the codes of both keys. `other`: another key of the same name was
   * verified, with another key.
   */
  key: z.optional(z.enum(['unverified', 'verified', 'other'])),
  /** Null when it can be done now, else the code that says why not. */
  messagingOff: z.nullable(z.string()),
  /** How the next text goes, where there is a choice: by the server (`page`), or directly (`session`). */
  messagingMode: z.nullable(z.enum(['page', 'session'])),
  fileTransferOff: z.nullable(z.string()),
});
export type PersonAddress = z.infer<typeof personAddressSchema>;

export const personSchema = z.object({
  id,
  name: z.string(),
  /** False for names that only the peer itself claims, and whose key no person has confirmed. */
  verified: z.boolean(),
  groups: z.array(z.string()),
  addresses: z.array(personAddressSchema),
  /** The most reachable presence of all addresses. */
  presence: peerPresenceSchema,
});
export type Person = z.infer<typeof personSchema>;

export const routeSchema = z.object({ accountId: id, address: addressSchema });
export type Route = z.infer<typeof routeSchema>;

/** One meaning over all protocols; `received` is for texts of others. */
export const messageStateSchema = z.enum(['queued', 'sent', 'waiting', 'delivered', 'read', 'failed', 'received']);
export type MessageState = z.infer<typeof messageStateSchema>;

export const messageSchema = z.object({
  id,
  talkId: id,
  /** Order within all messages of the profile; grows with arrival here. */
  sequence: z.number(),
  direction: z.enum(['incoming', 'outgoing']),
  kind: z.enum(['text', 'file', 'notice']),
  /** The text, or the file's name, or of a notice the code of what came and cannot be shown (`omemo`, `call`, …). */
  text: z.string(),
  transferId: z.nullable(id),
  at: z.number(),
  state: messageStateSchema,
  fault: z.nullable(faultSchema),
  route: routeSchema,
});
export type Message = z.infer<typeof messageSchema>;

export const talkSchema = z.object({
  id,
  personId: id,
  route: routeSchema,
  unread: z.number(),
  last: z.nullable(messageSchema),
  draft: z.string(),
  /** Last message, or when the talk was opened. */
  activeAt: z.number(),
});
export type Talk = z.infer<typeof talkSchema>;

export const transferStateSchema = z.enum([
  'preparing',
  'waiting-for-peer',
  'offered',
  'accepted',
  'connecting',
  'running',
  'paused',
  'verifying',
  'completed',
  'declined',
  'cancelled',
  'failed',
]);
export type TransferState = z.infer<typeof transferStateSchema>;

export const transferSchema = z.object({
  id,
  talkId: id,
  messageId: id,
  route: routeSchema,
  direction: z.enum(['incoming', 'outgoing']),
  state: transferStateSchema,
  /** Whose doing `cancelled` or `paused` is; `elsewhere`: another device of the account answered the offer. */
  by: z.nullable(z.enum(['us', 'peer', 'elsewhere'])),
  file: z.object({
    name: z.string(),
    type: z.string(),
    size: z.nullable(z.number()),
    /** `data:` URL of a small picture. */
    icon: z.nullable(z.string()),
  }),
  bytes: z.number(),
  /** Bytes hashed so far, only in `preparing` and `verifying`: `bytes` itself tells what went over the wire. */
  prepared: z.optional(z.number()),
  /** Bytes a second over the last seconds; 0 unless running. */
  speed: z.number(),
  /** Null while nobody can know. */
  secondsLeft: z.nullable(z.number()),
  /** Of what `failed`; of an incoming `offered` one why it could not be kept when it was accepted: it can be again. */
  fault: z.nullable(faultSchema),
  /** A new attempt makes sense: *Try again* is offered. */
  canRetry: z.boolean(),
  /** It runs, and its protocol can stand still. What is `paused` by us can always go on. */
  canPause: z.boolean(),
  /** A program or script: carries a warning and is never opened from inside. */
  risky: z.boolean(),
  /** Where the finished file is; null until then, or when it was moved away. */
  path: z.nullable(z.string()),
  createdAt: z.number(),
  endedAt: z.nullable(z.number()),
  /** Of an `offered` one: no person has answered in time, and it can be accepted all the same. */
  unanswered: z.optional(z.literal(true)),
  /** It has ended, and a person tidied it out of the panel; its line in the talk stays as it is. */
  tidied: z.optional(z.literal(true)),
});
export type Transfer = z.infer<typeof transferSchema>;

export const requestSchema = z.object({
  accountId: id,
  address: addressSchema,
  name: z.string(),
  note: z.string(),
});
export type ContactRequestView = z.infer<typeof requestSchema>;

export const settingsSchema = z.object({
  language: z.enum(['system', 'pt', 'en']),
  theme: z.enum(['system', 'light', 'dark']),
  downloadFolder: z.string().check(z.maxLength(4096)),
  notifications: z.boolean(),
  notificationText: z.boolean(),
  sendTyping: z.boolean(),
  sendRead: z.boolean(),
});
export type Settings = z.infer<typeof settingsSchema>;

/**
 * Things to know that belong to no account: `database-set-aside` (nothing in the damaged one, kept at `detail`, was
 * readable), `database-salvaged` (all was carried over: `saved` messages), `database-salvaged-partly` (at most `lost` were
 * not), `database-other-key` (kept at `detail` until its key returns), `database-key-back` (it has; what was written
 * meanwhile is at `detail`), `database-missing`, `database-log-cut` (the newest messages may be missing), `secrets-not-kept` (no password store on this machine: passwords are asked again at each start),
 * `history-not-protected` (the key of the history lies beside it: the files are enough to read it), `database-forgotten` (a
 * history whose passphrase was forgotten is kept at `detail`), `core-restarted`.
 */
export const noticeSchema = z.object({
  id,
  code: z.enum([
    'database-set-aside',
    'database-salvaged',
    'database-salvaged-partly',
    'database-other-key',
    'database-key-back',
    'database-missing',
    'database-log-cut',
    'secrets-not-kept',
    'history-not-protected',
    'database-forgotten',
    'core-restarted',
    'disk-full',
  ]),
  detail: z.string(),
  saved: z.optional(z.number()),
  lost: z.optional(z.number()),
});
export type Notice = z.infer<typeof noticeSchema>;

/** What keeps the history from a reader of the files: the system's password store, a passphrase, or nothing. */
export const protectionSchema = z.enum(['system', 'passphrase', 'none']);
export type Protection = z.infer<typeof protectionSchema>;

/** Everything a window needs for its first paint. Messages come by page. */
export const snapshotSchema = z.object({
  version: z.string(),
  profile: z.string(),
  protection: protectionSchema,
  settings: settingsSchema,
  presence: ownPresenceSchema,
  accounts: z.array(accountSchema),
  people: z.array(personSchema),
  talks: z.array(talkSchema),
  transfers: z.array(transferSchema),
  requests: z.array(requestSchema),
  notices: z.array(noticeSchema),
});
export type Snapshot = z.infer<typeof snapshotSchema>;
