import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLaunchOptions } from '../../electron/main/launch-options.ts';

describe('the command line', () => {
  it('has a default for everything', () => {
    expect(parseLaunchOptions(['aims', '.'])).toEqual({
      profile: 'default',
      dataFolder: undefined,
      loopbackOnly: false,
      atLogin: false,
      link: undefined,
    });
  });

  it('takes a value after a space or an equals sign', () => {
    expect(parseLaunchOptions(['aims', '--profile', 'ana']).profile).toBe('ana');
    expect(parseLaunchOptions(['aims', '--profile=joão_2']).profile).toBe('joão_2');
    expect(parseLaunchOptions(['aims', '--data-folder=x', '--loopback-only'])).toMatchObject({
      dataFolder: path.resolve('x'),
      loopbackOnly: true,
    });
  });

  it('says when the system starts the program at login', () => {
    expect(parseLaunchOptions(['aims', '--at-login']).atLogin).toBe(true);
  });

  it.each(['../x', '', '.hidden', 'a/b', 'a\\b', 'x'.repeat(65)])('refuses %j as the name of a profile', (name) => {
    expect(() => parseLaunchOptions(['aims', `--profile=${name}`])).toThrow(/profile name/);
  });

  it('finds a link the system hands over, and nothing that only looks like one', () => {
    expect(parseLaunchOptions(['aims', 'sip:rui@campus.test']).link).toBe('sip:rui@campus.test');
    expect(parseLaunchOptions(['aims', 'javascript:alert(1)', 'file:///etc/passwd', 'xmpp:a b']).link).toBeUndefined();
  });
});
