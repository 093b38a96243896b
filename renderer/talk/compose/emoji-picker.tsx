import { type EmojiDataResolver, EmojiPicker as Picker } from 'frimousse';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../../store/app-context.tsx';
import styles from '../talk.module.css';
import { emojiData } from './emoji-data.ts';

/** A grid of emoji with a search, by arrows, Enter or click. */
export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const { t, i18n } = useTranslation();
  const { platform } = useBridge();
  const resolve: EmojiDataResolver = (locale) => emojiData(locale, { flags: platform !== 'win32' });
  return (
    <Picker.Root
      className={styles.emoji}
      columns={8}
      locale={i18n.language.startsWith('pt') ? 'pt' : 'en'}
      resolveEmojiData={resolve}
      onEmojiSelect={({ emoji }) => onPick(emoji)}
    >
      <Picker.Search
        className={styles.emojiSearch}
        aria-label={t('composer.emojiSearch')}
        placeholder={t('composer.emojiSearch')}
      />
      <Picker.Viewport className={styles.emojiView}>
        <Picker.Loading className={styles.emojiNote}>{t('composer.emojiLoading')}</Picker.Loading>
        <Picker.Empty className={styles.emojiNote}>{t('composer.emojiNone')}</Picker.Empty>
        <Picker.List
          components={{
            CategoryHeader: ({ category, ...props }) => (
              <div {...props} className={styles.emojiHeading}>
                {category.label}
              </div>
            ),
            Emoji: ({ emoji, ...props }) => (
              <button {...props} type="button" className={styles.emojiOne}>
                {emoji.emoji}
              </button>
            ),
          }}
        />
      </Picker.Viewport>
    </Picker.Root>
  );
}
