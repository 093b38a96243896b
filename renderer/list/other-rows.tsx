import { ChevronDown, MessageSquarePlus } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../../electron/contract/index.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Icon } from '../kit/form/button.tsx';
import { Hidden } from '../kit/hidden.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { Avatar } from '../kit/person/avatar.tsx';
import { UnverifiedMark } from '../kit/person/unverified-mark.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import { bare, isUnverified, nameOf, talkOfPerson } from '../store/selectors.ts';
import { Highlighted } from '../talk/log/highlighted.tsx';
import { excerpt } from './excerpt.ts';
import styles from './list.module.css';
import { TalkRow } from './talk-row.tsx';

/** Somebody without a talk yet; with one, the talk itself. */
export function PersonRow({ personId, tabIndex }: { personId: string; tabIndex: number }) {
  const { t } = useTranslation();
  const actions = useActions();
  const person = useFacts((facts) => facts.people[personId]);
  const talkId = useFacts((facts) => talkOfPerson(facts, personId)?.id);
  if (talkId) return <TalkRow talkId={talkId} tabIndex={tabIndex} />;
  if (!person) return null;
  const address = person.addresses[0]?.address ?? person.id;
  const { state, note } = person.presence;
  const words = t(`presence.${state}`);
  const unverified = !person.verified && t('person.unconfirmed');
  return (
    <button type="button" className={styles.row} tabIndex={tabIndex} onClick={() => void actions.openPerson(personId)}>
      <Avatar name={person.name} address={address} presence={state} />
      <span className={styles.rowText}>
        <span className={styles.rowLine}>
          <span className={styles.name}>{person.name || bare(address)}</span>
          {unverified && <UnverifiedMark label={unverified} />}
          <Hidden>{`, ${[words, unverified].filter(Boolean).join(', ')}, `}</Hidden>
        </span>
        <span className={styles.preview}>
          <span>{note || (state === 'unknown' ? bare(address) : words)}</span>
        </span>
      </span>
    </button>
  );
}

interface MessageRowProps {
  message: Message;
  query: string;
  tabIndex: number;
}

/** A message that was found. */
export function MessageRow({ message, query, tabIndex }: MessageRowProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(null);
  const actions = useActions();
  const name = useFacts((facts) => nameOf(facts, facts.talks[message.talkId]));
  const unverified = useFacts((facts) => isUnverified(facts, facts.talks[message.talkId])) && t('person.unconfirmed');
  const own = message.direction === 'outgoing';
  const when = format.row(message.at, now);
  return (
    <button
      type="button"
      className={styles.row}
      tabIndex={tabIndex}
      onClick={() => {
        actions.show({ chosen: { talkId: message.talkId } });
        void actions.openMessage(message);
      }}
    >
      <Avatar name={name} address={message.route.address} />
      <span className={styles.rowText}>
        <span className={styles.rowLine}>
          <span className={styles.name}>{name}</span>
          {unverified && <UnverifiedMark label={unverified} />}
          <Hidden>{unverified ? `, ${unverified}, ` : ', '}</Hidden>
          <span className={styles.when}>{when}</span>
          <Hidden>, </Hidden>
        </span>
        <span className={styles.preview}>
          <span>
            {own && `${t('list.you')} `}
            <Highlighted text={excerpt(message.text, query)} query={query} />
          </span>
        </span>
      </span>
    </button>
  );
}

export function WriteRow({ address, tabIndex }: { address: string; tabIndex: number }) {
  const { t } = useTranslation();
  const actions = useActions();
  const words = t('list.writeTo', { address });
  return (
    <button
      type="button"
      className={styles.row}
      tabIndex={tabIndex}
      onClick={() => {
        actions.show({ query: '' });
        void actions.writeTo(address);
      }}
    >
      <span className={styles.glyph}>
        <Icon of={MessageSquarePlus} />
      </span>
      <span className={styles.name}>{words}</span>
    </button>
  );
}

interface GroupHeadingProps {
  text: string;
  count: number;
  open: boolean;
  tabIndex: number;
  onToggle: () => void;
}

export const GroupHeading = ({ text, count, open, tabIndex, onToggle }: GroupHeadingProps) => {
  const { t } = useTranslation();
  return (
    <button type="button" className={styles.heading} aria-expanded={open} tabIndex={tabIndex} onClick={onToggle}>
      <span className={cx(styles.fold, !open && styles.folded)}>
        <Icon of={ChevronDown} size={16} />
      </span>
      {text}
      <Hidden>{`, ${t('list.count', { count })}`}</Hidden>
      <span className={styles.headingCount} aria-hidden>
        {count}
      </span>
    </button>
  );
};
