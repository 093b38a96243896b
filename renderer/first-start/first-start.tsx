import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import logo from '../../assets/icon.svg';
import { Notices } from '../list/connection-line.tsx';
import { useActions } from '../store/app-context.tsx';
import { SignInFlow } from './sign-in-flow.tsx';
import styles from './start.module.css';

/** The first minute: an address and a password, nothing more. */
export function FirstStart() {
  const { t } = useTranslation();
  const actions = useActions();
  const done = useCallback(() => actions.show({ signingIn: false }), [actions]);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <img className={styles.logo} src={logo} alt="" />
        {/* whoever finds a new beginning where the old talks were must be told why */}
        <Notices only="database-" />
        <SignInFlow title={t('start.welcome')} onSigningIn={(signingIn) => actions.show({ signingIn })} onDone={done} />
      </div>
    </main>
  );
}
