import { expect, it } from 'vitest';
import {
  clockDuration,
  clockTime,
  dayName,
  fileSize,
  fileSpeed,
  fullTime,
  roundDuration,
  rowTime,
} from '../../../renderer/i18n/format.ts';

import { formatTag, languageTag } from '../../../renderer/i18n/i18n.ts';

const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');

it('sizes read as people say them, in the language’s own digits', () => {
  expect(plain(fileSize('en-GB', 8_123_000))).toBe('8.1 MB');
  expect(plain(fileSize('pt-PT', 8_123_000))).toBe('8,1 MB');
  expect(plain(fileSize('en-GB', 314_572_800))).toBe('315 MB');
  expect(plain(fileSize('en-GB', 0))).toBe('0 bytes');
  expect(plain(fileSize('en-GB', 1))).toBe('1 byte');
  expect(plain(fileSize('en-GB', 999_999))).toBe('1 MB');
});

it('a speed carries its unit', () => {
  expect(plain(fileSpeed('en-GB', 8_120_000))).toBe('8.1 MB/s');
});

it('time left is a clock', () => {
  expect(clockDuration(12)).toBe('0:12');
  expect(clockDuration(3723)).toBe('1:02:03');
  expect(clockDuration(-4)).toBe('0:00');
});

it('a countdown is one unit', () => {
  expect(plain(roundDuration('pt-PT', 12))).toBe('12 s');
  expect(plain(roundDuration('pt-PT', 180))).toBe('3 min');
});

const NOON = new Date(2026, 10, 22, 12, 0).getTime();
const DAY = 86_400_000;

it('a row tells the time today, yesterday by name, the weekday this week, then the date', () => {
  expect(rowTime('en-GB', NOON - 3_600_000, NOON, 'Yesterday')).toBe('11:00');
  expect(rowTime('en-GB', NOON - DAY, NOON, 'Yesterday')).toBe('Yesterday');
  expect(rowTime('en-GB', NOON - 3 * DAY, NOON, 'Yesterday')).toBe('Thu');
  expect(rowTime('en-GB', NOON - 30 * DAY, NOON, 'Yesterday')).toBe('23 Oct');
  expect(rowTime('en-GB', NOON - 400 * DAY, NOON, 'Yesterday')).toBe('18/10/25');
});

it('a day late at night is still that day', () => {
  const words = { today: 'Today', yesterday: 'Yesterday' };
  const late = new Date(2026, 10, 21, 23, 59).getTime();
  const early = new Date(2026, 10, 22, 0, 1).getTime();
  expect(dayName('en-GB', late, early, words)).toBe('Yesterday');
  expect(dayName('en-GB', early, early, words)).toBe('Today');
});

it('the clock is the region’s, whatever language is spoken', () => {
  const evening = new Date(2026, 10, 22, 21, 15).getTime();
  expect(clockTime(formatTag('en-US', { hourCycle: 'h23' }), evening)).toBe('21:15');
  expect(plain(clockTime(formatTag('en-US', { hourCycle: 'h12' }), evening))).toBe('09:15 PM');
  expect(clockTime(formatTag('pt-PT', { hourCycle: 'h23' }), evening)).toBe('21:15');
  expect(fullTime(formatTag('en-US', { hourCycle: 'h23' }), evening)).toMatch(/21:15$/);
  expect(clockTime(formatTag('en-GB', { hourCycle: 'h23' }), new Date(2026, 0, 1, 0, 5).getTime())).toBe('00:05');
});

it('English in Portugal puts the day before the month', () => {
  const tag = (systemLanguage: string, region: string) => languageTag('system', { systemLanguage, region });
  expect(tag('en-US', 'pt-PT')).toBe('en-GB');
  expect(tag('en-GB', 'en-US')).toBe('en-US');
  expect(tag('en-US', '')).toBe('en-US');
  expect(tag('pt-PT', 'en-US')).toBe('pt-PT');
  expect(tag('fr-FR', 'fr-FR')).toBe('en-GB');
});
