import type { TFunction } from 'i18next';
import type { Fault } from '../../electron/contract/index.ts';
import { en } from './en/en.ts';

export type FaultKey = keyof typeof en.faults;

const isFaultKey = (code: string): code is FaultKey => Object.hasOwn(en.faults, code);
const keyOf = (code: string): FaultKey => (isFaultKey(code) ? code : 'other');

/** What happened, in one sentence. */
export const faultSaid = (t: TFunction, code: string): string => t(`faults.${keyOf(code)}.said`);
/** The one next thing to do. */
export const faultTodo = (t: TFunction, code: string): string => t(`faults.${keyOf(code)}.todo`);
/** Both. */
export const faultSentence = (t: TFunction, code: string): string => `${faultSaid(t, code)} ${faultTodo(t, code)}`;
/** For the details: our code and the protocol's own. */
export const faultCode = (fault: Fault): string => [fault.code, fault.protocolCode].filter(Boolean).join(' · ');
