import type { TFunction } from 'i18next';
import type { Message } from '../../../electron/contract/index.ts';
import { enUnshown } from '../../i18n/en/unshown.ts';

type Said = Pick<Message, 'kind' | 'text'>;

const ACTION = '/me ';

/** XEP-0245 §2: the text tells what its writer does. */
export const isAction = ({ kind, text }: Said): boolean => kind === 'text' && text.startsWith(ACTION);

const isUnshown = (code: string): code is keyof typeof enUnshown => Object.hasOwn(enUnshown, code);

/**
 * A message in the words in which it is shown: those of its writer, or why there are none.
 *
 * @example messageWords(t, { kind: 'text', text: '/me waves' }, 'Ana') // '* Ana waves'
 */
export function messageWords(t: TFunction, message: Said, writer: string): string {
  const { kind, text } = message;
  if (kind === 'notice') return t(`unshown.${isUnshown(text) ? text : 'other'}`);
  return isAction(message) ? `* ${writer} ${text.slice(ACTION.length)}` : text;
}
