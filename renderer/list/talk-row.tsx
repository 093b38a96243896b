import { Paperclip } from 'lucide-react';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/use-format.ts';
import { Avatar } from '../kit/avatar.tsx';
import { Icon } from '../kit/button.tsx';
import { cx } from '../kit/cx.ts';
import { useNow } from '../kit/use-now.ts';
import { useActions, useFacts, useView } from '../store/app-context.tsx';
import { nameOf } from '../store/selectors.ts';
import { Mark } from '../talk/mark.tsx';
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
  const typing = useFacts((facts) => facts.typing[talkId] === true);
  const current = useView((view) => view.talkId === talkId);
  if (!talk) return null;
  const { last } = talk;
  const own = last?.direction === 'outgoing';
  const text = last ? (last.kind === 'file' ? t('list.file', { name: last.text }) : last.text) : '';
  const draft = !current && talk.draft.trim();
  const state = person?.presence.state ?? 'unknown';
  const said = typing
    ? t('list.typing')
    : draft
      ? `${t('list.draft')} ${draft}`
      : last
        ? own
          ? `${t('list.you')} ${text}, ${t(`marks.${last.state === 'received' ? 'sent' : last.state}`, { name })}`
          : text
        : t('list.noMessages');
  const when = last ? format.row(last.at, now) : '';
  const label = [
    name,
    t(`presence.${state}`),
    talk.unread > 0 && t('list.unread', { count: talk.unread }),
    said.slice(0, 200),
    when,
  ]
    .filter(Boolean)
    .join(', ');
  return (
    <button
      type="button"
      className={cx(styles.row, talk.unread > 0 && styles.unread)}
      aria-label={label}
      aria-current={current ? 'true' : undefined}
      tabIndex={tabIndex}
      onClick={() => actions.openTalk(talkId)}
    >
      <Avatar name={name} address={talk.route.address} presence={state} />
      <span className={styles.rowText}>
        <span className={styles.rowLine}>
          <span className={styles.name}>{name}</span>
          <span className={styles.when}>{when}</span>
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
              {own && last && <Mark state={last.state} />}
              {last?.kind === 'file' && <Icon of={Paperclip} size={14} />}
              <span>{last ? last.text.slice(0, 160) : t('list.noMessages')}</span>
            </span>
          )}
          {talk.unread > 0 && <span className={styles.badge}>{talk.unread > 999 ? '999+' : talk.unread}</span>}
        </span>
      </span>
    </button>
  );
});
