import { useTranslation } from 'react-i18next';
import type { Transfer } from '../../electron/contract/index.ts';
import { Button } from '../kit/form/button.tsx';
import { useActions, useBridge } from '../store/app-context.tsx';
import { isLive } from '../store/selectors.ts';

/** The next things that can be done with a file, the likeliest first. */
export function TransferButtons({ transfer }: { transfer: Transfer }) {
  const { t } = useTranslation();
  const actions = useActions();
  const bridge = useBridge();
  const transferId = transfer.id;
  const { name } = transfer.file;
  const saveAs = async () => {
    const path = await bridge.chooseSavePath(transfer.file.name);
    if (path) await actions.ask('transfers.accept', { transferId, path });
  };
  if (transfer.state === 'offered' && transfer.direction === 'incoming')
    return (
      <>
        <Button
          look="primary"
          size="small"
          aria-label={t('file.named.accept', { name })}
          onClick={() => void actions.ask('transfers.accept', { transferId })}
        >
          {t('file.accept')}
        </Button>
        <Button size="small" data-plain aria-label={t('file.named.saveAs', { name })} onClick={() => void saveAs()}>
          {t('file.saveAs')}
        </Button>
        <Button
          size="small"
          data-plain
          aria-label={t('file.named.decline', { name })}
          onClick={() => void actions.ask('transfers.decline', { transferId })}
        >
          {t('file.decline')}
        </Button>
      </>
    );
  if (isLive(transfer)) {
    const held = transfer.state === 'paused' && transfer.by === 'us';
    const hold = held ? 'resume' : 'pause';
    return (
      <>
        {/* one button for both, so that whoever pressed it by key stays on it */}
        {(held || transfer.canPause) && (
          <Button
            size="small"
            data-plain
            aria-label={t(`file.named.${hold}`, { name })}
            onClick={() => void actions.ask(`transfers.${hold}`, { transferId })}
          >
            {t(`file.${hold}`)}
          </Button>
        )}
        <Button
          size="small"
          data-plain
          aria-label={t('file.named.cancel', { name })}
          onClick={() => void actions.ask('transfers.cancel', { transferId })}
        >
          {t('file.cancel')}
        </Button>
      </>
    );
  }
  if (transfer.state === 'completed' && transfer.path !== null)
    return (
      <>
        {!transfer.risky && (
          <Button
            size="small"
            data-plain
            aria-label={t('file.named.open', { name })}
            onClick={() => void actions.ask('transfers.open', { transferId })}
          >
            {t('file.open')}
          </Button>
        )}
        <Button
          size="small"
          data-plain
          aria-label={t('file.named.reveal', { name })}
          onClick={() => void actions.ask('transfers.reveal', { transferId })}
        >
          {t('file.reveal')}
        </Button>
      </>
    );
  if (!transfer.canRetry) return null;
  // what was refused or given up did not fail: it can be had all the same
  const again = transfer.direction === 'incoming' && transfer.state !== 'failed' ? 'ask' : 'retry';
  return (
    <Button
      size="small"
      data-plain
      aria-label={t(`file.named.${again}`, { name })}
      onClick={() => void actions.ask('transfers.retry', { transferId })}
    >
      {t(`file.${again}`)}
    </Button>
  );
}

/** Whether there is anything to do, so that no empty line is left. */
export const hasButtons = (transfer: Transfer): boolean =>
  isLive(transfer) || transfer.canRetry || (transfer.state === 'completed' && transfer.path !== null);
