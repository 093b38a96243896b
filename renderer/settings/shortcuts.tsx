import { useTranslation } from 'react-i18next';
import { keysShown } from '../app/shortcuts.ts';
import { useBridge } from '../store/app-context.tsx';
import styles from './settings.module.css';

/** Every key there is. */
export function Shortcuts() {
  const { t } = useTranslation();
  const { platform } = useBridge();
  const rows: readonly [string, string][] = [
    [t('shortcuts.find'), keysShown('find', platform)],
    [t('shortcuts.nextTalk'), keysShown('nextTalk', platform)],
    [t('shortcuts.previousTalk'), keysShown('previousTalk', platform)],
    [t('shortcuts.searchTalk'), keysShown('searchTalk', platform)],
    [t('shortcuts.sendFile'), keysShown('sendFile', platform)],
    [t('shortcuts.transfers'), keysShown('transfers', platform)],
    [t('shortcuts.settings'), keysShown('settings', platform)],
    [t('shortcuts.help'), keysShown('help', platform)],
    [t('shortcuts.regions'), 'F6'],
    [t('shortcuts.back'), t('shortcuts.keys.esc')],
    [t('shortcuts.send'), t('shortcuts.keys.enter')],
    [t('shortcuts.newline'), `${t('shortcuts.keys.shift')} ${t('shortcuts.keys.enter')}`],
  ];
  return (
    <dl className={styles.keys}>
      {rows.map(([what, keys]) => (
        <div key={what} style={{ display: 'contents' }}>
          <dt>{what}</dt>
          <dd>
            {keys.split(' ').map((key) => (
              <kbd key={key} className={styles.key}>
                {key}
              </kbd>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}
