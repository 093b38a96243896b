/**
 * What the campus scripts throw on purpose. `code` is stable:
 * `packages-missing`, `not-linux`, `port-taken`, `start-failed`, `stop-failed`, `not-started`, `folder-unusable`, `bad-request`.
 */
export class CampusError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'CampusError';
    this.code = code;
  }
}
