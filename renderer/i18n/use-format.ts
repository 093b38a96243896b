import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../store/app-context.tsx';
import * as format from './format.ts';
import { formatTag } from './i18n.ts';

/** Formatters bound to the language the window speaks now. */
export function useFormat() {
  const { i18n, t } = useTranslation();
  const bridge = useBridge();
  const tag = formatTag(i18n.language, bridge);
  return useMemo(
    () => ({
      tag,
      time: (at: number) => format.clockTime(tag, at),
      full: (at: number) => format.fullTime(tag, at),
      date: (at: number) => format.shortDate(tag, at),
      row: (at: number, now: number) => format.rowTime(tag, at, now, t('talk.yesterday')),
      day: (at: number, now: number) =>
        format.dayName(tag, at, now, { today: t('talk.today'), yesterday: t('talk.yesterday') }),
      size: (bytes: number) => format.fileSize(tag, bytes),
      speed: (bytes: number) => format.fileSpeed(tag, bytes),
      percent: (share: number) => format.percent(tag, share),
      round: (seconds: number) => format.roundDuration(tag, seconds),
    }),
    [tag, t],
  );
}
