import { useTranslation } from 'react-i18next';
import { AuthorityFile } from '../first-start/authority-file.tsx';
import { CertificateFacts, lacksAuthority } from '../first-start/certificate.tsx';
import { SignInFlow } from '../first-start/sign-in-flow.tsx';
import { Dialog, DialogFeet } from '../kit/floating/dialog.tsx';
import { Button } from '../kit/form/button.tsx';
import { useActions, useBridge, useFacts } from '../store/app-context.tsx';
import { accountOf, bare } from '../store/selectors.ts';
import { destinationOf } from '../talk/log/linkify.ts';
import styles from './settings.module.css';

export function AddAccountSheet() {
  const { t } = useTranslation();
  const actions = useActions();
  return (
    <Dialog title={t('start.addAccount')} onClose={actions.closeSheet}>
      <SignInFlow onDone={actions.closeSheet} />
    </Dialog>
  );
}

/** Cannot be undone, so it asks, and names what goes. */
export function RemoveAccountSheet({ accountId }: { accountId: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const account = useFacts((facts) => accountOf(facts, accountId));
  if (!account) return null;
  const address = account.protocol === 'local' ? account.displayName : bare(account.address);
  return (
    <Dialog title={t('account.removeTitle', { address })} onClose={actions.closeSheet}>
      <p>{t('account.removeText')}</p>
      <DialogFeet>
        <Button onClick={actions.closeSheet}>{t('common.cancel')}</Button>
        <Button
          look="danger"
          onClick={() => {
            actions.closeSheet();
            void actions.ask('accounts.remove', { accountId });
          }}
        >
          {t('account.removeYes', { address })}
        </Button>
      </DialogFeet>
    </Dialog>
  );
}

export function CertificateSheet({ accountId }: { accountId: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const account = useFacts((facts) => accountOf(facts, accountId));
  const facts = account?.registration.state === 'stopped' ? account.registration.cause.certificate : undefined;
  if (!facts) return null;
  return (
    <Dialog title={t('certificate.title')} onClose={actions.closeSheet}>
      <CertificateFacts facts={facts} />
      <DialogFeet>
        {lacksAuthority(facts) && (
          <AuthorityFile accountId={accountId} text={t('certificate.useAuthority')} onTaken={actions.closeSheet} />
        )}
        <Button
          onClick={() => {
            actions.closeSheet();
            void actions.ask('accounts.trustCertificate', { accountId, fingerprint: facts.fingerprint });
          }}
        >
          {t('certificate.trust')}
        </Button>
        <Button look="primary" onClick={actions.closeSheet}>
          {t('certificate.dont')}
        </Button>
      </DialogFeet>
    </Dialog>
  );
}

/** Shows where a link leads before anything opens. */
export function LinkSheet({ uri }: { uri: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const bridge = useBridge();
  const scheme = uri.slice(0, uri.indexOf(':'));
  const says =
    scheme === 'mailto'
      ? t('link.mail')
      : scheme === 'sip' || scheme === 'xmpp'
        ? t('link.talk')
        : t('link.text', { host: destinationOf(uri) });
  return (
    <Dialog title={t('link.title')} onClose={actions.closeSheet}>
      <p>{says}</p>
      <p className={styles.uri}>{uri}</p>
      <DialogFeet>
        <Button
          onClick={() => {
            void navigator.clipboard.writeText(uri);
            actions.closeSheet();
          }}
        >
          {t('link.copy')}
        </Button>
        <Button
          look="primary"
          onClick={() => {
            bridge.openExternal(uri);
            actions.closeSheet();
          }}
        >
          {t('link.open')}
        </Button>
      </DialogFeet>
    </Dialog>
  );
}
