import { Check } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { OwnPresenceView } from '../../electron/contract/index.ts';
import { Popover } from '../kit/floating/popover.tsx';
import { Button, Icon } from '../kit/form/button.tsx';
import { TextField } from '../kit/form/field.tsx';
import { Avatar, PresenceGlyph } from '../kit/person/avatar.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import { bare } from '../store/selectors.ts';
import styles from './rail.module.css';

const STATES = ['available', 'away', 'busy', 'do-not-disturb', 'offline'] as const;

function PresenceForm({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const actions = useActions();
  const presence = useFacts((facts) => facts.presence);
  const [note, setNote] = useState(presence.note);
  const set = (change: Partial<OwnPresenceView>) => {
    actions.tell('presence.set', { ...presence, ...change });
    close();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        set({ note: note.trim() });
      }}
    >
      <div className={styles.presences} role="radiogroup" aria-label={t('me.title')}>
        {STATES.map((state) => (
          // biome-ignore lint/a11y/useSemanticElements: a choice that is made and closed at once, by click or Enter
          <button
            key={state}
            type="button"
            role="radio"
            aria-checked={presence.state === state}
            className={styles.presence}
            onClick={() => set({ state, note: note.trim() })}
          >
            <PresenceGlyph state={state} />
            <span>
              {state === 'offline' ? t('presence.invisible') : t(`presence.${state}`)}
              {state === 'do-not-disturb' && <em className={styles.quiet}> · {t('presence.quiet')}</em>}
            </span>
            {presence.state === state && <Icon of={Check} size={16} />}
          </button>
        ))}
      </div>
      <div className={styles.note}>
        <TextField
          label={t('me.note')}
          placeholder={t('me.notePlaceholder')}
          maxLength={300}
          value={note}
          onChange={setNote}
        />
        <div className={styles.noteFeet}>
          {presence.note && (
            <Button look="quiet" size="small" onClick={() => set({ note: '' })}>
              {t('me.noteClear')}
            </Button>
          )}
          <Button type="submit" look="primary" size="small" disabled={note.trim() === presence.note}>
            {t('me.noteSet')}
          </Button>
        </div>
      </div>
    </form>
  );
}

/** My picture; behind it, my presence and my note. */
export function MeButton() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const presence = useFacts((facts) => facts.presence);
  const me = useFacts((facts) => facts.accounts[0]);
  const address = me?.address ?? 'me';
  const name = me?.displayName || bare(address);
  const words = t(`presence.${presence.state}`) + (presence.note ? `, ${presence.note}` : '');
  return (
    <Popover
      label={t('me.title')}
      side="right"
      open={open}
      onOpenChange={setOpen}
      trigger={
        <button type="button" className={styles.me} aria-label={t('me.label', { presence: words })}>
          <Avatar name={name} address={address} presence={presence.state} size={36} />
        </button>
      }
    >
      <PresenceForm close={() => setOpen(false)} />
    </Popover>
  );
}
