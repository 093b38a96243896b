import i18next, { type i18n } from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { Settings, WindowBridge } from '../../electron/contract/index.ts';
import { en } from './en/en.ts';
import { pt } from './pt/pt.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    returnNull: false;
  }
}

/**
 * The language tag the window speaks: chosen, or the system's when it is Portuguese, else English. English writes dates as the
 * region does, where that is an English one: an English program in Portugal puts the day before the month.
 */
export function languageTag(
  chosen: Settings['language'],
  { systemLanguage, region }: Pick<WindowBridge, 'systemLanguage' | 'region'>,
): string {
  const wanted = chosen === 'system' ? systemLanguage.toLowerCase().split('-')[0] : chosen;
  if (wanted === 'pt') return 'pt-PT';
  const english = [region, region ? '' : systemLanguage].find((tag) => /^en-/i.test(tag));
  return english ?? 'en-GB';
}

/** The same with the system's own way to count hours (UTS 35 §3.6.1 `hc`): a region has a clock, a language has none. */
export const formatTag = (tag: string, { hourCycle }: Pick<WindowBridge, 'hourCycle'>): string =>
  `${tag}-u-hc-${hourCycle}`;

/** The message catalogue, ready at once: both languages are in the bundle. */
export function createI18n(tag: string): i18n {
  const instance = i18next.createInstance();
  void instance.use(initReactI18next).init({
    lng: tag,
    fallbackLng: 'en',
    resources: { en: { translation: en }, pt: { translation: pt } },
    initAsync: false,
    // React escapes
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  return instance;
}
