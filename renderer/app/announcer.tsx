import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Hidden } from '../kit/hidden.tsx';
import { useStores } from '../store/app-context.tsx';
import type { Facts } from '../store/facts.ts';
import { nameOf } from '../store/selectors.ts';
import { messageWords } from '../talk/log/message-words.ts';
import { transferAnnouncement } from '../transfers/transfer-words.ts';

/** Talks whose newest message came in since, with that message. */
function arrivals(now: Facts, before: Facts) {
  if (!before.ready || now.talks === before.talks) return [];
  return now.talkOrder.flatMap((id) => {
    const talk = now.talks[id];
    const last = talk?.last;
    const known = before.talks[id]?.last;
    if (!talk || !last || last.direction !== 'incoming' || last.kind === 'file') return [];
    return last.id === known?.id || last.sequence <= (known?.sequence ?? 0) ? [] : [{ talk, last }];
  });
}

/** Says to a screen reader what came and which files ended. */
export function Announcer() {
  const { t } = useTranslation();
  const { facts } = useStores();
  const [words, setWords] = useState('');
  useEffect(
    () =>
      facts.subscribe((now, before) => {
        if (!before.ready) return;
        const said: string[] = arrivals(now, before).map(({ talk, last }) => {
          const name = nameOf(now, talk);
          return t('talk.incoming', { name, text: messageWords(t, last, name).slice(0, 300) });
        });
        if (now.transfers !== before.transfers)
          for (const transfer of Object.values(now.transfers)) {
            if (before.transfers[transfer.id]?.state === transfer.state) continue;
            const line = transferAnnouncement(t, transfer, nameOf(now, now.talks[transfer.talkId]));
            if (line) said.push(line);
          }
        if (said.length > 0) setWords(said.join('. '));
      }),
    [facts, t],
  );
  return (
    <div role="status" aria-live="polite" data-part="announcer">
      <Hidden>{words}</Hidden>
    </div>
  );
}
