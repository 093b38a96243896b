import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { isLockedCode } from '../../electron/contract/index.ts';
import { FirstStart } from '../first-start/first-start.tsx';
import { Trouble } from '../first-start/trouble.tsx';
import { Unlock } from '../first-start/unlock.tsx';
import { TooltipProvider } from '../kit/floating/tooltip.tsx';
import { Button } from '../kit/form/button.tsx';
import { ListRegion } from '../list/list-region.tsx';
import { Rail } from '../rail/rail.tsx';
import { useActions, useFacts, useView } from '../store/app-context.tsx';
import { TalkRegion } from '../talk/talk-region.tsx';
import { TransfersPanel } from '../transfers/transfers-panel.tsx';
import { Announcer } from './announcer.tsx';
import styles from './app.module.css';
import { Sheets } from './sheets.tsx';
import { Toasts } from './toasts.tsx';
import { useShortcuts } from './use-shortcuts.ts';
import { useSurroundings } from './use-surroundings.ts';

function Main() {
  useShortcuts();
  const column = useView((view) => view.column);
  const panelOpen = useView((view) => view.panelOpen);
  // what a sheet covers takes neither focus nor a screen reader's cursor
  const covered = useView((view) => view.sheet !== null);
  return (
    <div className={styles.app} data-column={column} inert={covered}>
      <Rail />
      <main className={styles.main}>
        <ListRegion />
        <TalkRegion />
        {panelOpen && <TransfersPanel />}
      </main>
      <Sheets />
    </div>
  );
}

/** How often a start that takes long is looked at, in ms. */
const LOOK_AGAIN = 1000;

/** What trying again in this window cannot mend: another program has to be started, installed or used first. */
const OUTSIDE = new Set(['profile-sealed', 'profile-in-use', 'database-newer', 'database-salvaging']);

/** Before the first snapshot; when the core cannot start, why, and the way to try again where that can help. */
function Starting() {
  const { t } = useTranslation();
  const actions = useActions();
  const fault = useView((view) => view.notStarted);
  useEffect(() => {
    if (fault?.code !== 'database-salvaging') return;
    const timer = setTimeout(() => void actions.reload(), LOOK_AGAIN);
    return () => clearTimeout(timer);
  }, [fault, actions]);
  if (fault && isLockedCode(fault.code)) return <Unlock fault={fault} />;
  return fault ? (
    <main className={styles.starting}>
      <div className={styles.notStarted}>
        <Trouble fault={fault} />
        {!OUTSIDE.has(fault.code) && (
          <Button look="primary" onClick={() => void actions.reload()}>
            {t('common.tryAgain')}
          </Button>
        )}
      </div>
    </main>
  ) : (
    <div className={styles.starting} aria-busy="true">
      <span>{t('app.starting')}</span>
    </div>
  );
}

/** First start while there is no account, or the first one is still connecting; the messenger after that. */
export function AppWindow() {
  useSurroundings();
  const ready = useFacts((facts) => facts.ready);
  const alone = useFacts((facts) => facts.accounts.length === 0 && facts.talkOrder.length === 0);
  const starting = useView((view) => view.signingIn);
  // a core that came back may wait for the passphrase too
  const locked = useView((view) => view.notStarted !== null && isLockedCode(view.notStarted.code));
  return (
    <TooltipProvider>
      {!ready || locked ? <Starting /> : alone || starting ? <FirstStart /> : <Main />}
      <Toasts />
      <Announcer />
    </TooltipProvider>
  );
}
