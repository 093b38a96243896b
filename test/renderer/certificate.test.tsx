import { cleanup, render, screen } from '@testing-library/react';
import { I18nextProvider } from 'react-i18next';
import { afterAll, afterEach, expect, it } from 'vitest';
import { CertificateFacts } from '../../renderer/first-start/certificate.tsx';
import { createI18n } from '../../renderer/i18n/i18n.ts';
import { AppProvider } from '../../renderer/store/app-context.tsx';
import { createApp } from '../../renderer/store/create-app.ts';
import { createFakeBridge } from './fake-core/fake-bridge.ts';
import { CERTIFICATE } from './fake-core/sample.ts';

afterEach(cleanup);

const app = createApp({ target: window, bridge: createFakeBridge(), storage: localStorage, report: () => {} });
afterAll(() => app.close());
const spoken = (language: string, facts: typeof FACTS) => (
  <I18nextProvider i18n={createI18n(language)}>
    <AppProvider app={app}>
      <CertificateFacts facts={facts} />
    </AppProvider>
  </I18nextProvider>
);

const FACTS = CERTIFICATE.certificate as NonNullable<typeof CERTIFICATE.certificate>;

it.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'It vouches for itself: no authority this computer knows has signed it.'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'It was signed by an authority this computer does not know.'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'It was signed by an authority this computer does not know.'],
  ['CERT_HAS_EXPIRED', 'Its certificate is no longer valid.'],
  ['CERT_NOT_YET_VALID', 'Its certificate is not valid yet. Check the clock of this computer.'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'Its certificate was made for another name.'],
  ['SOMETHING_NEW', 'Its certificate was refused.'],
])('says %s in words a person can weigh', (reason, sentence) => {
  render(spoken('en-GB', { ...FACTS, reason }));
  expect(screen.getByText(sentence)).toBeTruthy();
});

it.each([
  ['en-GB', 'It is not the certificate you trusted before: the server has a new one, or this is another server.'],
  ['pt-PT', 'Não é o certificado em que confiou antes: ou o servidor tem um novo, ou este é outro servidor.'],
])('says in %s when the certificate is another than the one that was trusted', (language, sentence) => {
  const { rerender } = render(spoken(language, FACTS));
  expect(screen.queryByText(sentence)).toBeNull();
  rerender(spoken(language, { ...FACTS, changed: true }));
  expect(screen.getByText(sentence)).toBeTruthy();
});
