import { expect, it } from 'vitest';
import { customsOf } from '../../electron/main/region.ts';

const linux = (environment: Record<string, string>) => customsOf('linux', environment, 'en-US');

it('an English program at a Portuguese university tells the time as its clocks do', () => {
  expect(linux({ LANG: 'en_US.UTF-8', LC_TIME: 'pt_PT.UTF-8' })).toEqual({ region: 'pt-PT', hourCycle: 'h23' });
  expect(customsOf('win32', {}, 'pt-PT')).toEqual({ region: 'pt-PT', hourCycle: 'h23' });
});

it('an American one counts twelve hours', () => {
  expect(linux({ LANG: 'en_US.UTF-8' })).toEqual({ region: 'en-US', hourCycle: 'h12' });
  expect(linux({ LANG: 'pt_PT@euro', LC_ALL: 'en_US' })).toEqual({ region: 'en-US', hourCycle: 'h12' });
  expect(customsOf('darwin', {}, 'en-US')).toEqual({ region: 'en-US', hourCycle: 'h12' });
});

it('a clock that a person chose beside the region is followed', () => {
  expect(customsOf('darwin', {}, 'en-US', 'h23')).toEqual({ region: 'en-US', hourCycle: 'h23' });
});

it.each(['C', 'POSIX', 'C.UTF-8', '', '%%%'])('no region (%s) counts twenty-four hours', (LANG) => {
  expect(linux({ LANG })).toEqual({ region: '', hourCycle: 'h23' });
});
