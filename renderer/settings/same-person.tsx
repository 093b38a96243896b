import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Person } from '../../electron/contract/index.ts';
import { Button } from '../kit/form/button.tsx';
import { SelectField } from '../kit/form/field.tsx';
import { useActions, useFactsShallow } from '../store/app-context.tsx';
import { bare } from '../store/selectors.ts';

const hasKey = ({ addresses }: Person): boolean => addresses.some(({ key }) => key !== undefined);

/** Where only people themselves know that two keys are one person's, a person who set up AIMS anew is joined by hand. */
export function SamePerson({ person }: { person: Person }) {
  const { t } = useTranslation();
  const actions = useActions();
  const others = useFactsShallow((facts) =>
    Object.values(facts.people).filter((other) => other.id !== person.id && hasKey(other)),
  );
  const [into, setInto] = useState('');
  if (!hasKey(person) || others.length === 0) return null;
  const chosen = others.find(({ id }) => id === into);
  const join = async () => {
    const joined = await actions.ask('people.join', { personId: person.id, into });
    if (!joined) return;
    actions.closeSheet();
    await actions.openPerson(into);
  };
  return (
    <>
      <SelectField
        label={t('person.same')}
        value={into}
        options={[
          { value: '', text: t('person.sameNobody') },
          ...others.map((other) => ({
            value: other.id,
            text: `${other.name} · ${bare(other.addresses[0]?.address ?? '')}`,
          })),
        ]}
        onChange={setInto}
      />
      {chosen && <Button onClick={() => void join()}>{t('person.sameYes', { name: chosen.name })}</Button>}
    </>
  );
}
