import type { CoreEvent, OwnPresenceView, Settings } from '../../contract/index.ts';
import { ownPresenceSchema, settingsSchema } from '../../contract/index.ts';
import type { Driver } from '../store/driver.ts';
import { keptJson } from '../store/kept-json.ts';

/** Settings as they are until a person changes them. Where files go is the system's to say. */
const DEFAULTS: Omit<Settings, 'downloadFolder'> = {
  language: 'system',
  theme: 'system',
  notifications: true,
  notificationText: true,
  sendTyping: true,
  sendRead: true,
};

/** A value that this version does not know, or that cannot be read, is as good as none; the others stay. */
function readSettings(kept: ReadonlyMap<string, string>, defaults: Settings): Settings {
  const read: Record<string, unknown> = { ...defaults };
  for (const [name, schema] of Object.entries(settingsSchema.shape)) {
    const value = schema.safeParse(keptJson<unknown>(kept.get(`settings.${name}`) ?? '', null));
    if (value.success) read[name] = value.data;
  }
  return read as Settings;
}

/** What a person has set: settings, and what others see of us. One JSON value a row; what is not there is the default. */
export class Preferences {
  readonly #driver: Driver;
  readonly #emit: (event: CoreEvent) => void;
  #settings: Settings;
  #presence: OwnPresenceView;

  constructor(driver: Driver, downloadFolder: string, emit: (event: CoreEvent) => void) {
    this.#driver = driver;
    this.#emit = emit;
    const kept = new Map(
      driver.all<{ key: string; value: string }>('SELECT key, value FROM settings').map((row) => [row.key, row.value]),
    );
    this.#settings = readSettings(kept, { ...DEFAULTS, downloadFolder });
    const presence = ownPresenceSchema.safeParse(keptJson<unknown>(kept.get('presence') ?? '', null));
    this.#presence = presence.success ? presence.data : { state: 'available', note: '' };
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** BCP 47 tag of the language the person reads. */
  get language(): string {
    const { language } = this.#settings;
    return language === 'system' ? Intl.DateTimeFormat().resolvedOptions().locale : language;
  }

  get presence(): OwnPresenceView {
    return this.#presence;
  }

  change(changes: { [Name in keyof Settings]?: Settings[Name] | undefined }): Settings {
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    this.#driver.transaction(() => {
      for (const [name, value] of given) this.#put(`settings.${name}`, value);
    });
    this.#settings = { ...this.#settings, ...Object.fromEntries(given) };
    this.#emit({ type: 'settings', settings: this.#settings });
    return this.#settings;
  }

  setPresence(presence: OwnPresenceView): void {
    this.#put('presence', presence);
    this.#presence = presence;
    this.#emit({ type: 'presence', presence });
  }

  #put(key: string, value: unknown): void {
    this.#driver.run(
      'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      JSON.stringify(value),
    );
  }
}
