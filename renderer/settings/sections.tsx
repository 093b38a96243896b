import { useTranslation } from 'react-i18next';
import type { Settings } from '../../electron/contract/index.ts';
import { Button } from '../kit/form/button.tsx';
import { Segments, Switch } from '../kit/form/field.tsx';
import { useActions, useBridge, useFacts } from '../store/app-context.tsx';
import styles from './settings.module.css';

function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const actions = useActions();
  const settings = useFacts((facts) => facts.settings);
  return [settings, (change) => void actions.ask('settings.change', change)];
}

export function Appearance() {
  const { t } = useTranslation();
  const [{ theme }, change] = useSettings();
  return (
    <div className={styles.choice}>
      <span>{t('settings.theme')}</span>
      <Segments
        label={t('settings.theme')}
        value={theme}
        options={[
          { value: 'system', text: t('settings.themeSystem') },
          { value: 'light', text: t('settings.themeLight') },
          { value: 'dark', text: t('settings.themeDark') },
        ]}
        onChange={(next) => change({ theme: next })}
      />
    </div>
  );
}

export function Language() {
  const { t } = useTranslation();
  const [{ language }, change] = useSettings();
  return (
    <div className={styles.choice}>
      <span>{t('settings.language')}</span>
      <Segments
        label={t('settings.language')}
        value={language}
        options={[
          { value: 'system', text: t('settings.languageSystem') },
          { value: 'pt', text: 'Português' },
          { value: 'en', text: 'English' },
        ]}
        onChange={(next) => change({ language: next })}
      />
    </div>
  );
}

export function Notifications() {
  const { t } = useTranslation();
  const [settings, change] = useSettings();
  return (
    <>
      <Switch
        label={t('settings.notify')}
        hint={t('settings.notifyHint')}
        checked={settings.notifications}
        onChange={(notifications) => change({ notifications })}
      />
      <Switch
        label={t('settings.notifyText')}
        hint={t('settings.notifyTextHint')}
        checked={settings.notificationText}
        onChange={(notificationText) => change({ notificationText })}
      />
    </>
  );
}

export function Privacy() {
  const { t } = useTranslation();
  const actions = useActions();
  const protection = useFacts((facts) => facts.protection);
  const [settings, change] = useSettings();
  return (
    <>
      <Switch
        label={t('settings.sendTyping')}
        checked={settings.sendTyping}
        onChange={(sendTyping) => change({ sendTyping })}
      />
      <Switch
        label={t('settings.sendRead')}
        hint={t('settings.sendReadHint')}
        checked={settings.sendRead}
        onChange={(sendRead) => change({ sendRead })}
      />
      <p className={styles.subhead}>{t('protection.heading')}</p>
      <p>{t(`protection.status.${protection}`)}</p>
      {protection !== 'system' && (
        <div className={styles.choices}>
          <Button onClick={() => actions.openSheet({ kind: 'passphrase' })}>
            {protection === 'none' ? t('protection.set') : t('protection.change')}
          </Button>
        </div>
      )}
    </>
  );
}

export function Files() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [settings, change] = useSettings();
  return (
    <>
      <p className={styles.subhead}>{t('settings.downloadFolder')}</p>
      <div className={styles.choice}>
        <span className={styles.folder}>{settings.downloadFolder}</span>
        <Button
          onClick={() =>
            void bridge.chooseFolder().then((downloadFolder) => {
              if (downloadFolder) change({ downloadFolder });
            })
          }
        >
          {t('settings.choose')}
        </Button>
      </div>
    </>
  );
}
