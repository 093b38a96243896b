import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { faultCode, faultSentence } from '../../i18n/faults.ts';
import { useFormat } from '../../i18n/use-format.ts';
import { cx } from '../../kit/cx.ts';
import { Tooltip } from '../../kit/floating/tooltip.tsx';
import { Button } from '../../kit/form/button.tsx';
import { Hidden } from '../../kit/hidden.tsx';
import { useActions, useFacts } from '../../store/app-context.tsx';
import { isTurnedDown, ownNameOf } from '../../store/selectors.ts';
import { FileBubble } from '../files/file-bubble.tsx';
import { LONG_TEXT } from '../long-text.ts';
import { Highlighted } from './highlighted.tsx';
import { isOnlyEmoji, linkify } from './linkify.ts';
import styles from './log.module.css';
import { Mark } from './mark.tsx';
import { isAction, messageWords } from './message-words.ts';
import type { LogRow } from './rows.ts';

/** Words and links; a link shows where it leads before it opens. */
function MessageText({ text, query }: { text: string; query: string }) {
  const actions = useActions();
  return linkify(text).map((piece, at) => {
    const key = `${at}${piece.text.slice(0, 20)}`;
    if (piece.kind === 'text') return <Highlighted key={key} text={piece.text} query={query} />;
    return (
      // biome-ignore lint/a11y/useSemanticElements: it never navigates this window, whatever the mouse button
      <button
        key={key}
        type="button"
        role="link"
        className={styles.link}
        onClick={() => actions.openSheet({ kind: 'link', uri: piece.uri })}
      >
        {piece.text}
      </button>
    );
  });
}

interface MessageBubbleProps {
  row: Extract<LogRow, { kind: 'message' }>;
  /** The other side. */
  name: string;
  query: string;
  found: boolean;
}

/** One message with what belongs under it: time, mark, or what went wrong. */
export const MessageBubble = memo(function MessageBubble({ row, name, query, found }: MessageBubbleProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const { message, joinsAbove, joinsBelow } = row;
  const turnedDown = useFacts((facts) => isTurnedDown(facts.transfers[message.transferId ?? '']));
  const own = message.direction === 'outgoing';
  const ownName = useFacts((facts) => ownNameOf(facts, message.route.accountId));
  const text = messageWords(t, message, own ? ownName : name);
  const time = format.time(message.at);
  const state = message.state === 'received' ? null : t(`marks.${message.state}`, { name });
  const isFile = message.kind === 'file' && message.transferId !== null;
  const failed = message.state === 'failed' && !isFile;
  // what became of a file, and of a text that failed, is said in words of its own
  const marked = own && !isFile && !failed && state !== null;
  const when = (
    <time dateTime={new Date(message.at).toISOString()} title={format.full(message.at)}>
      {time}
    </time>
  );
  return (
    <article
      className={cx(
        styles.message,
        own && styles.own,
        joinsAbove && styles.joinsAbove,
        joinsBelow && styles.joinsBelow,
        found && styles.found,
      )}
      aria-label={own ? t('talk.youSaid', { time, text }) : t('talk.said', { name, time, text })}
    >
      <div className={styles.bubbleLine}>
        {isFile && message.transferId ? (
          <FileBubble transferId={message.transferId} fallback={message.text} when={when} />
        ) : (
          <div
            className={cx(
              styles.bubble,
              isOnlyEmoji(message.text) && styles.large,
              message.text.length > LONG_TEXT && styles.long,
              isAction(message) && styles.action,
              message.kind === 'notice' && styles.notice,
            )}
            data-bubble
            dir="auto"
          >
            <span>
              <MessageText text={text} query={query} />
            </span>
            {/* keeps room at the end of the last line for what is drawn over it */}
            <span className={cx(styles.room, marked && styles.roomForMark)} data-time={time} aria-hidden />
            <span className={styles.meta}>
              {when}
              {marked && (
                <Tooltip text={state} side="top">
                  <span role="img" aria-label={state}>
                    <Mark state={message.state} />
                  </span>
                </Tooltip>
              )}
            </span>
          </div>
        )}
      </div>
      {failed && (
        <div className={styles.trouble}>
          <span title={message.fault ? t('common.code', { code: faultCode(message.fault) }) : undefined}>
            <Mark state="failed" />
            {t('marks.failed')}. {message.fault && faultSentence(t, message.fault.code)}
          </span>
          <Button
            look="quiet"
            size="small"
            onClick={() => void actions.ask('messages.retry', { messageId: message.id })}
          >
            {t('common.tryAgain')}
          </Button>
        </div>
      )}
      {/* once under those that wait together */}
      {message.state === 'waiting' && !joinsBelow && <div className={styles.waiting}>{state}</div>}
      {own && isFile && !turnedDown && state && <Hidden>{state}</Hidden>}
    </article>
  );
});
