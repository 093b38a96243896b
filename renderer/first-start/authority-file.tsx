import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Fault, MAXIMUM_PEM } from '../../electron/contract/index.ts';
import { faultSentence } from '../i18n/faults.ts';
import { Button } from '../kit/form/button.tsx';
import { useActions } from '../store/app-context.tsx';
import styles from './start.module.css';

interface AuthorityFileProps {
  accountId: string;
  text: string;
  size?: 'small' | 'large';
  /** The account is connecting again with it. */
  onTaken?: () => void;
}

/** Gives an account the authority that signs the certificates of its campus, from a file. */
export function AuthorityFile({ accountId, text, size, onTaken }: AuthorityFileProps) {
  const { t } = useTranslation();
  const actions = useActions();
  const input = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<Fault | null>(null);

  const take = async (file: File) => {
    const authorities = await pemOf(file).catch(() => '');
    const answer = await actions.attempt('accounts.change', { accountId, authorities });
    setFault('fault' in answer ? answer.fault : null);
    if ('output' in answer) onTaken?.();
  };

  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".pem,.crt,.cer,.der"
        aria-label={text}
        hidden
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          // the same file may be chosen again after it was mended
          event.currentTarget.value = '';
          if (file) void take(file);
        }}
      />
      <Button {...(size && { size })} onClick={() => input.current?.click()}>
        {text}
      </Button>
      {fault && (
        <p className={styles.wrong} role="alert">
          {faultSentence(t, fault.code)}
        </p>
      )}
    </>
  );
}

/** Some give the certificate out as text (PEM), some as bare bytes (DER). What is far too long is no certificate. */
async function pemOf(file: File): Promise<string> {
  if (file.size > MAXIMUM_PEM) return '';
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = new TextDecoder('latin1').decode(bytes);
  if (text.includes('-----BEGIN')) return text;
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  const wrapped = `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  return wrapped.length > MAXIMUM_PEM ? '' : wrapped;
}
