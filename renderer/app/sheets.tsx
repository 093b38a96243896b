import { PassphraseSheet } from '../settings/passphrase-sheet.tsx';
import { AddPersonSheet, PersonSheet } from '../settings/person-sheets.tsx';
import { SettingsSheet } from '../settings/settings-sheet.tsx';
import { AddAccountSheet, CertificateSheet, LinkSheet, RemoveAccountSheet } from '../settings/small-sheets.tsx';
import { useView } from '../store/app-context.tsx';
import { OfferSheet } from '../talk/files/offer-sheet.tsx';

/** Whatever floats over the window. */
export function Sheets() {
  const sheet = useView((view) => view.sheet);
  if (!sheet) return null;
  switch (sheet.kind) {
    case 'settings':
      return (
        <SettingsSheet
          section={sheet.section}
          {...(sheet.accountId === undefined ? {} : { accountId: sheet.accountId })}
        />
      );
    case 'add-account':
      return <AddAccountSheet />;
    case 'add-person':
      return <AddPersonSheet address={sheet.address} />;
    case 'person':
      return <PersonSheet personId={sheet.personId} />;
    case 'certificate':
      return <CertificateSheet accountId={sheet.accountId} />;
    case 'remove-account':
      return <RemoveAccountSheet accountId={sheet.accountId} />;
    case 'offer':
      return <OfferSheet talkId={sheet.talkId} items={sheet.items} />;
    case 'passphrase':
      return <PassphraseSheet />;
    case 'link':
      return <LinkSheet uri={sheet.uri} />;
    default: {
      const unforeseen: never = sheet;
      return unforeseen;
    }
  }
}
