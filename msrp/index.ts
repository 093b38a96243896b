export type { Clock, Timer } from './clock.ts';
export type { ListenOptions, MsrpListener } from './connection/opening/listener.ts';
export { type FingerprintHash, fingerprintOf, type TlsIdentity } from './connection/opening/tls.ts';
export { FairRing, type Turns } from './connection/output/fair-ring.ts';
export type { Priority } from './connection/output/output-queue.ts';
export type { Logger, LogLevel } from './diagnostics/log.ts';
export type { TracedConnection, TracedFrame, TracedMessage, TracedSession } from './diagnostics/trace.ts';
export { type EndpointOptions, MsrpEndpoint, type SessionPlace, type SharingOptions } from './endpoint.ts';
export { MsrpError, type MsrpErrorCode } from './errors.ts';
export type { Unsubscribe } from './event.ts';
export {
  type ContinuationFlag,
  FRAME_LIMITS,
  type FrameHead,
  type FrameLimits,
  type RequestHead,
  type ResponseHead,
} from './framing/head.ts';
export { type FrameHandler, FrameParser } from './framing/parser.ts';
export {
  type ByteRange,
  type FailureReport,
  formatByteRange,
  type HeaderField,
  Headers,
  parseByteRange,
} from './grammar/headers.ts';
export type { RandomSource } from './grammar/identifiers.ts';
export { type ByteInterval, RangeSet } from './grammar/ranges.ts';
export { formatPath, formatUri, type MsrpUri, parsePath, parseUri, sameUri } from './grammar/uri.ts';
export type { Acceptance, AcceptHook, IncomingOffer, ReceiveOutcome } from './receiving/incoming-message.ts';
export type { ReportEvery } from './receiving/report-schedule.ts';
export { type ByteSink, FileSink, MemorySink, streamSink } from './receiving/sink.ts';
export type { RelayOptions } from './relay/authorization.ts';
export type { ChallengeKind, Credentials } from './relay/digest.ts';
export type { Chunking } from './sending/chunk.ts';
export type { SendOptions } from './sending/outbox.ts';
export type { DeliveryOutcome, OutgoingMessage, SendOutcome, SendProgress } from './sending/outgoing-message.ts';
export { type ByteSource, openFile } from './sending/source.ts';
export { requestedNickname, setNickname } from './session/nickname.ts';
export type {
  PathUpdate,
  RelayTrust,
  RequestAnswer,
  RequestHook,
  SessionOptions,
  SessionState,
  StartOptions,
} from './session/options.ts';
export type { RequestBody } from './session/own-requests.ts';
export { answerSetup, offererRole, type Role, type Setup } from './session/roles.ts';
export type { MsrpSession } from './session/session.ts';
export {
  CPIM_NAMESPACE,
  type CpimAddress,
  CpimError,
  type CpimHeader,
  type CpimMessage,
  type CpimRequirement,
  cpimHeader,
  formatCpim,
  parseCpim,
} from './wrapping/cpim.ts';
export { CPIM_WRAPPER, type Wrapper } from './wrapping/wrappers.ts';
