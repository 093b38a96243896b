import { X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type PictureLimits, pictureWithin } from '../../../electron/contract/index.ts';
import { useFormat } from '../../i18n/use-format.ts';
import { Dialog, DialogFeet } from '../../kit/floating/dialog.tsx';
import { Button, Icon, IconButton } from '../../kit/form/button.tsx';
import { TextField } from '../../kit/form/field.tsx';
import { useActions, useFacts } from '../../store/app-context.tsx';
import { nameOf } from '../../store/selectors.ts';
import type { OfferItem } from '../../store/view.ts';
import styles from '../talk.module.css';
import { fileGlyph } from './file-glyph.ts';
import { FileName } from './file-name.tsx';

/** A picture about to be sent, as large as a screen or a camera makes them. */
const PREVIEW_LIMITS: PictureLimits = {
  types: new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']),
  maximumBytes: 64 * 1024 * 1024,
  maximumSide: 16_384,
  maximumPixels: 50_000_000,
};

function Thumb({ item }: { item: OfferItem }) {
  const [url, setUrl] = useState<string | null>(null);
  const file = item.kind === 'data' && item.file.type.startsWith('image/') ? item.file : null;
  useEffect(() => {
    if (!file) return;
    let made: string | undefined;
    let gone = false;
    // what lies in the clipboard may have come from anywhere
    void file.arrayBuffer().then((data) => {
      if (gone || !pictureWithin(new Uint8Array(data), PREVIEW_LIMITS)) return;
      made = URL.createObjectURL(file);
      setUrl(made);
    });
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [file]);
  return (
    <span className={styles.offerThumb}>
      {url ? <img src={url} alt="" /> : <Icon of={fileGlyph(item.kind === 'data' ? item.file.type : '')} />}
    </span>
  );
}

/** Before files leave: which ones, and a note to go with them. */
export function OfferSheet({ talkId, items }: { talkId: string; items: readonly OfferItem[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const note = useRef<HTMLInputElement>(null);
  const [left, setLeft] = useState(items);
  const [words, setWords] = useState('');
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const known = left.every((item) => item.size !== null);
  const total = left.reduce((sum, item) => sum + (item.size ?? 0), 0);
  return (
    <Dialog title={t('offer.title', { count: left.length, name })} onClose={actions.closeSheet} initialFocus={note}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          actions.closeSheet();
          void actions.offer(talkId, left, words);
        }}
      >
        <ul className={styles.offerFiles}>
          {left.map((item) => (
            <li key={item.kind === 'path' ? item.path : item.name} className={styles.offerFile}>
              <Thumb item={item} />
              <div className={styles.offerFacts}>
                <FileName name={item.name} />
                {item.size !== null && <div className={styles.small}>{format.size(item.size)}</div>}
              </div>
              {left.length > 1 && (
                <IconButton
                  small
                  icon={X}
                  label={t('offer.removeFile', { name: item.name })}
                  onClick={() => setLeft(left.filter((one) => one !== item))}
                />
              )}
            </li>
          ))}
        </ul>
        <TextField
          ref={note}
          label={`${t('offer.note')} (${t('common.optional')})`}
          value={words}
          onChange={setWords}
        />
        <DialogFeet>
          {left.length > 1 && known && (
            <span className={styles.small} style={{ marginInlineEnd: 'auto', alignSelf: 'center' }}>
              {t('offer.total', { size: format.size(total) })}
            </span>
          )}
          <Button onClick={actions.closeSheet}>{t('common.cancel')}</Button>
          <Button look="primary" type="submit">
            {t('offer.send')}
          </Button>
        </DialogFeet>
      </form>
    </Dialog>
  );
}
