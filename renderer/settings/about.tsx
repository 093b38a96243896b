import { useTranslation } from 'react-i18next';
import logo from '../../assets/icon.svg';
import { useFacts } from '../store/app-context.tsx';
import styles from './settings.module.css';

export function About() {
  const { t } = useTranslation();
  const version = useFacts((facts) => facts.version);
  const profile = useFacts((facts) => facts.profile);
  return (
    <div className={styles.about}>
      <img src={logo} alt="" />
      <strong>{t('app.name')}</strong>
      <span className={styles.small}>{t('settings.version', { version })}</span>
      <span>{t('settings.aboutText')}</span>
      <span className={styles.small}>{t('settings.profile', { profile })}</span>
    </div>
  );
}
