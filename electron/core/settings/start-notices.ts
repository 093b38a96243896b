import type { CoreLaunch, Protection } from '../../contract/index.ts';
import type { StoreNote } from '../store/open-store.ts';
import type { Notices } from './notices.ts';

/** What is to be told of a start. */
export function startNotices(notices: Notices, launch: CoreLaunch, notes: readonly StoreNote[]): Notices {
  for (const { code, detail, ...counts } of notes) notices.keep(code, detail, counts);
  if (launch.secretStore === 'none') notices.keep('secrets-not-kept');
  else notices.withdraw('secrets-not-kept');
  if (launch.restarted) notices.show('core-restarted');
  return notices;
}

/** Whether anything keeps the history from a reader of the files. */
export function tellProtection(notices: Notices, protection: Protection): void {
  if (protection === 'none') notices.keep('history-not-protected');
  else notices.withdraw('history-not-protected');
}
