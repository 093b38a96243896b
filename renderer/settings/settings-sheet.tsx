import { Tabs } from '@base-ui/react/tabs';
import { Bell, Eye, Folder, Globe, Info, Keyboard, type LucideIcon, Palette, UserRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../kit/floating/dialog.tsx';
import { Icon } from '../kit/form/button.tsx';
import { useActions } from '../store/app-context.tsx';
import type { SettingsSection } from '../store/view.ts';
import { About } from './about.tsx';
import { Accounts } from './accounts.tsx';
import { Appearance, Files, Language, Notifications, Privacy } from './sections.tsx';
import styles from './settings.module.css';
import { Shortcuts } from './shortcuts.tsx';

const SECTIONS: readonly { id: SettingsSection; icon: LucideIcon }[] = [
  { id: 'accounts', icon: UserRound },
  { id: 'appearance', icon: Palette },
  { id: 'language', icon: Globe },
  { id: 'notifications', icon: Bell },
  { id: 'privacy', icon: Eye },
  { id: 'files', icon: Folder },
  { id: 'shortcuts', icon: Keyboard },
  { id: 'about', icon: Info },
];

function Section({ id, accountId }: { id: SettingsSection; accountId: string | undefined }) {
  switch (id) {
    case 'accounts':
      return <Accounts {...(accountId === undefined ? {} : { openId: accountId })} />;
    case 'appearance':
      return <Appearance />;
    case 'language':
      return <Language />;
    case 'notifications':
      return <Notifications />;
    case 'privacy':
      return <Privacy />;
    case 'files':
      return <Files />;
    case 'shortcuts':
      return <Shortcuts />;
    case 'about':
      return <About />;
    default: {
      const unforeseen: never = id;
      return unforeseen;
    }
  }
}

/** Everything that can be chosen; each choice counts at once. */
export function SettingsSheet({ section, accountId }: { section: SettingsSection; accountId?: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  return (
    <Dialog large title={t('settings.title')} onClose={actions.closeSheet}>
      <Tabs.Root
        className={styles.settings}
        orientation="vertical"
        value={section}
        onValueChange={(next) => actions.openSheet({ kind: 'settings', section: next as SettingsSection })}
      >
        <Tabs.List className={styles.nav} aria-label={t('settings.sections')}>
          {SECTIONS.map(({ id, icon }) => (
            <Tabs.Tab key={id} value={id} className={styles.tab}>
              <Icon of={icon} size={18} />
              {t(`settings.${id}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {SECTIONS.map(({ id }) => (
          <Tabs.Panel key={id} value={id} className={styles.pane}>
            <h3 className={styles.heading}>{t(`settings.${id}`)}</h3>
            <Section id={id} accountId={accountId} />
          </Tabs.Panel>
        ))}
      </Tabs.Root>
    </Dialog>
  );
}
