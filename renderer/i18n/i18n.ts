import i18next, { type i18n } from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { Settings } from '../../electron/contract/index.ts';
import { en } from './en.ts';
import { pt } from './pt.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    returnNull: false;
  }
}

/** The language tag the window speaks: chosen, or the system's when it is Portuguese, else English. */
export function languageTag(chosen: Settings['language'], systemLanguage: string): string {
  const wanted = chosen === 'system' ? systemLanguage.toLowerCase().split('-')[0] : chosen;
  if (wanted === 'pt') return 'pt-PT';
  return systemLanguage.toLowerCase().startsWith('en-') ? systemLanguage : 'en-GB';
}

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
