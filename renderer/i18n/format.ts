// Times, sizes and durations in the reader's language, by Intl alone.

const cache = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>();
function remembered<F extends Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>(
  key: string,
  make: () => F,
): F {
  const found = cache.get(key);
  if (found) return found as F;
  const made = make();
  cache.set(key, made);
  return made;
}

const dates = (tag: string, name: string, options: Intl.DateTimeFormatOptions) =>
  remembered(`${tag} ${name}`, () => new Intl.DateTimeFormat(tag, options));

const DAY = 86_400_000;
const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0);
/** Whole calendar days from `at` to `now`; 0 is today. */
const daysAgo = (at: number, now: number): number => Math.round((startOfDay(now) - startOfDay(at)) / DAY);

export const clockTime = (tag: string, at: number): string =>
  dates(tag, 'time', { hour: '2-digit', minute: '2-digit' }).format(at);

export const fullTime = (tag: string, at: number): string =>
  dates(tag, 'full', { dateStyle: 'full', timeStyle: 'short' }).format(at);

export const shortDate = (tag: string, at: number): string => dates(tag, 'date', { dateStyle: 'medium' }).format(at);

/** In a list row: the time today, the weekday this week, else the date. */
export function rowTime(tag: string, at: number, now: number, yesterday: string): string {
  const days = daysAgo(at, now);
  if (days <= 0) return clockTime(tag, at);
  if (days === 1) return yesterday;
  if (days < 7) return dates(tag, 'weekday', { weekday: 'short' }).format(at);
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return sameYear
    ? dates(tag, 'day', { day: 'numeric', month: 'short' }).format(at)
    : dates(tag, 'date-short', { day: '2-digit', month: '2-digit', year: '2-digit' }).format(at);
}

/** Between days of a talk. */
export function dayName(tag: string, at: number, now: number, words: { today: string; yesterday: string }): string {
  const days = daysAgo(at, now);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  if (days > 0 && days < 7) return dates(tag, 'weekday-long', { weekday: 'long' }).format(at);
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return sameYear
    ? dates(tag, 'day-long', { weekday: 'long', day: 'numeric', month: 'long' }).format(at)
    : dates(tag, 'day-year', { day: 'numeric', month: 'long', year: 'numeric' }).format(at);
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

function inUnits(tag: string, bytes: number, suffix: '' | '-per-second'): string {
  let step = 0;
  let value = Math.max(0, bytes);
  while (value >= 999.5 && step < UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step < 2 || value >= 99.95 ? 0 : 1;
  return remembered(
    `${tag} ${step}${suffix}${digits}`,
    () =>
      new Intl.NumberFormat(tag, {
        style: 'unit',
        unit: `${UNITS[step]}${suffix}`,
        unitDisplay: step === 0 ? 'long' : 'short',
        maximumFractionDigits: digits,
      }),
  ).format(value);
}

/** `8.1 MB` */
export const fileSize = (tag: string, bytes: number): string => inUnits(tag, bytes, '');
/** `8.1 MB/s` */
export const fileSpeed = (tag: string, bytesPerSecond: number): string => inUnits(tag, bytesPerSecond, '-per-second');

export const percent = (tag: string, share: number): string =>
  remembered(`${tag} percent`, () => new Intl.NumberFormat(tag, { style: 'percent' })).format(
    Math.min(1, Math.max(0, share)),
  );

/** `0:12`, `1:02:03` */
export function clockDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `12 s`, `3 min`, `2 h`: one unit, for countdowns and idle times. The symbols are the same in every language. */
export function roundDuration(tag: string, seconds: number): string {
  const [value, unit] =
    seconds < 90 ? [seconds, 's'] : seconds < 5400 ? [seconds / 60, 'min'] : ([seconds / 3600, 'h'] as const);
  const number = remembered(`${tag} whole`, () => new Intl.NumberFormat(tag, { maximumFractionDigits: 0 }));
  return `${number.format(Math.max(0, Math.round(Number(value))))}\u00a0${unit}`;
}
