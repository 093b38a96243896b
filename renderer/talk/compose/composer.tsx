import { CloudOff, Paperclip, SendHorizontal, Smile, TriangleAlert } from 'lucide-react';
import { memo, useCallback, useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { useTranslation } from 'react-i18next';
import type { Fault } from '../../../electron/contract/index.ts';
import { keysShown } from '../../app/shortcuts.ts';
import { faultSaid, faultSentence } from '../../i18n/faults.ts';
import { cx } from '../../kit/cx.ts';
import { Popover } from '../../kit/floating/popover.tsx';
import { Icon, IconButton } from '../../kit/form/button.tsx';
import { useActions, useBridge, useFacts, useView } from '../../store/app-context.tsx';
import { accountOf, nameOf, personOf } from '../../store/selectors.ts';
import { LONG_TEXT } from '../long-text.ts';
import styles from '../talk.module.css';
import { EmojiPicker } from './emoji-picker.tsx';
import { useDraft } from './use-draft.ts';

/** Reasons no waiting will change: the box is closed. Else what is written is kept and sent later. */
const FINAL: ReadonlySet<string> = new Set(['blocked', 'not-supported', 'peer-outdated', 'policy', 'peer-unknown']);

interface ComposerProps {
  talkId: string;
  onFiles: (files: readonly File[]) => void;
  onAttach: () => void;
}

/** Apart from the text, so that a key paints the text alone. */
const EmojiButton = memo(function EmojiButton({
  disabled,
  onPick,
}: {
  disabled: boolean;
  onPick: (emoji: string) => void;
}) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Popover
      label={t('composer.emoji')}
      side="top"
      align="end"
      roomy={false}
      open={open}
      onOpenChange={setOpen}
      trigger={<IconButton icon={Smile} label={t('composer.emoji')} side="top" disabled={disabled} />}
    >
      <EmojiPicker
        onPick={(emoji) => {
          setOpen(false);
          onPick(emoji);
        }}
      />
    </Popover>
  );
});

/** Where one writes. */
export function Composer({ talkId, onFiles, onAttach }: ComposerProps) {
  const { t } = useTranslation();
  const actions = useActions();
  const { platform } = useBridge();
  const input = useRef<HTMLTextAreaElement>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [longPaste, setLongPaste] = useState(false);
  const { text, change, sent } = useDraft(talkId);
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const account = useFacts((facts) => accountOf(facts, facts.talks[talkId]?.route.accountId ?? ''));
  const place = useFacts((facts) => {
    const talk = facts.talks[talkId];
    return personOf(facts, talk)?.addresses.find(
      (one) => one.accountId === talk?.route.accountId && one.address === talk.route.address,
    );
  });
  const off = place?.messagingOff && FINAL.has(place.messagingOff) ? place.messagingOff : null;
  // files for somebody who is away wait for them, as texts do
  const filesOff = place?.fileTransferOff && FINAL.has(place.fileTransferOff) ? place.fileTransferOff : null;
  const offline = account !== undefined && account.registration.state !== 'online';

  const chosen = useView((view) => (view.chosen?.talkId === talkId ? view.chosen : null));
  // biome-ignore lint/correctness/useExhaustiveDependencies: each choice is a new object, and that it was made is all that counts
  useEffect(() => {
    input.current?.focus();
  }, [chosen]);

  const send = async () => {
    const words = text.trim();
    if (words === '' || off) return;
    setFault(null);
    sent();
    const stopped = await actions.send(talkId, words);
    if (!stopped) return;
    setFault(stopped);
    // nothing is lost: it goes back where it was written
    if (input.current?.value === '') change(words);
  };

  const insert = useRef((_emoji: string) => {});
  insert.current = (emoji) => {
    const element = input.current;
    const [from, to] = element ? [element.selectionStart, element.selectionEnd] : [text.length, text.length];
    change(text.slice(0, from) + emoji + text.slice(to));
    requestAnimationFrame(() => {
      element?.focus();
      element?.setSelectionRange(from + emoji.length, from + emoji.length);
    });
  };
  const onPick = useCallback((emoji: string) => insert.current(emoji), []);

  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {fault ? (
        <div className={cx(styles.hintLine, styles.wrong)} role="alert">
          <Icon of={TriangleAlert} size={14} />
          {t('composer.notSent', { reason: faultSentence(t, fault.code) })}
        </div>
      ) : off ? (
        <div className={styles.hintLine} id="composer-hint">
          <Icon of={TriangleAlert} size={14} />
          {t('composer.off', { reason: faultSaid(t, off) })}
        </div>
      ) : (
        offline && (
          <div className={styles.hintLine} id="composer-hint">
            <Icon of={CloudOff} size={14} />
            {t('composer.keptOffline')}
          </div>
        )
      )}
      <div className={cx(styles.box, off && styles.off)}>
        <IconButton
          icon={Paperclip}
          label={filesOff ? t('composer.attachOff', { reason: faultSaid(t, filesOff) }) : t('composer.attach')}
          keys={filesOff ? '' : keysShown('sendFile', platform)}
          side="top"
          aria-disabled={filesOff !== null}
          onClick={filesOff ? undefined : onAttach}
        />
        <div className={cx(styles.grow, (longPaste || text.length > LONG_TEXT) && styles.long)} data-text={text}>
          <textarea
            ref={input}
            rows={1}
            dir="auto"
            aria-label={t('composer.message')}
            aria-describedby={off || offline ? 'composer-hint' : undefined}
            placeholder={t('composer.placeholder', { name })}
            value={text}
            disabled={off !== null}
            data-composer
            onChange={(event) => {
              setFault(null);
              setLongPaste(false);
              change(event.currentTarget.value);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
                event.preventDefault();
                void send();
              }
            }}
            onPaste={(event) => {
              const files = [...event.clipboardData.files];
              if (files.length === 0) {
                // laid out before any change is told: its lines must break anywhere already
                if (event.clipboardData.getData('text').length > LONG_TEXT) flushSync(() => setLongPaste(true));
                return;
              }
              event.preventDefault();
              onFiles(files);
            }}
          />
        </div>
        <EmojiButton disabled={off !== null} onPick={onPick} />
        <IconButton
          icon={SendHorizontal}
          label={t('composer.send')}
          side="top"
          type="submit"
          className={styles.send}
          disabled={text.trim() === '' || off !== null}
        />
      </div>
    </form>
  );
}
