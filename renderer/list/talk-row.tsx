import { Paperclip } from 'lucide-react';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Icon } from '../kit/form/button.tsx';
import { Hidden } from '../kit/hidden.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { Avatar } from '../kit/person/avatar.tsx';
import { UnverifiedMark } from '../kit/person/unverified-mark.tsx';
import { useActions, useFacts, useView } from '../store/app-context.tsx';
import { isTurnedDown, nameOf, ownNameOf } from '../store/selectors.ts';
import { Mark } from '../talk/log/mark.tsx';
import { messageWords } from '../talk/log/message-words.ts';
import { transferState } from '../transfers/transfer-words.ts';
import styles from './list.module.css';

/** One talk: who, when, what was last said, and what is not read yet. */
export const TalkRow = memo(function TalkRow({ talkId, tabIndex }: { talkId: string; tabIndex: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(60_000);
  const actions = useActions();
  const talk = useFacts((facts) => facts.talks[talkId]);
  const person = useFacts((facts) => facts.people[facts.talks[talkId]?.personId ?? '']);
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const ownName = useFacts((facts) => ownNameOf(facts, facts.talks[talkId]?.route.accountId ?? ''));
  const typing = useFacts((facts) => facts.typing[talkId] === true);
  const turnedDown = useFacts((facts) => {
    const transfer = facts.transfers[facts.talks[talkId]?.last?.transferId ?? ''];
    return isTurnedDown(transfer) ? transfer : undefined;
  });
  const current = useView((view) => view.talkId === talkId);
  if (!talk) return null;
  const { last } = talk;
  const own = last?.direction === 'outgoing';
  const mark =
    own &&
    last &&
    last.state !== 'received' &&
    (turnedDown ? transferState(t, turnedDown, name, format) : t(`marks.${last.state}`, { name }));
  const draft = !current && talk.draft.trim();
  const state = person?.presence.state ?? 'unknown';
  const when = last ? format.row(last.at, now) : '';
  const unverified = person?.verified === false && t('person.unconfirmed');
  const facts = [t(`presence.${state}`), unverified, talk.unread > 0 && t('list.unread', { count: talk.unread })];
  return (
    <button
      type="button"
      className={cx(styles.row, talk.unread > 0 && styles.unread)}
      aria-current={current ? 'true' : undefined}
      tabIndex={tabIndex}
      onClick={() => actions.openTalk(talkId)}
    >
      <Avatar name={name} address={talk.route.address} presence={state} />
      <span className={styles.rowText}>
        <span className={styles.rowLine}>
          <span className={styles.name}>{name}</span>
          {unverified && <UnverifiedMark label={unverified} />}
          <Hidden>{`, ${facts.filter(Boolean).join(', ')}, `}</Hidden>
          <span className={styles.when}>{when}</span>
          <Hidden>, </Hidden>
        </span>
        <span className={styles.rowLine}>
          {typing ? (
            <span className={cx(styles.preview, styles.typing)}>
              <span>{t('list.typing')}</span>
            </span>
          ) : draft ? (
            <span className={styles.preview}>
              <span>
                <span className={styles.draft}>{t('list.draft')}</span> {draft}
              </span>
            </span>
          ) : (
            <span className={styles.preview}>
              {own && last && <Mark state={turnedDown ? 'turned-down' : last.state} />}
              {own && <Hidden>{`${t('list.you')} `}</Hidden>}
              {last?.kind === 'file' && (
                <>
                  <Icon of={Paperclip} size={14} />
                  <Hidden>{`${t('list.file')} `}</Hidden>
                </>
              )}
              <span>{last ? messageWords(t, last, own ? ownName : name).slice(0, 160) : t('list.noMessages')}</span>
              {mark && <Hidden>{`, ${mark}`}</Hidden>}
            </span>
          )}
          {talk.unread > 0 && (
            <span className={styles.badge} aria-hidden>
              {talk.unread > 999 ? '999+' : talk.unread}
            </span>
          )}
        </span>
      </span>
    </button>
  );
});
