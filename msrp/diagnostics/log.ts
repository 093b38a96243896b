/** How much a line of the log matters. */
export type LogLevel = 'debug' | 'info' | 'warning';

/** Takes what this library has to say. It never says anything about bodies, nor about session ids, which are secrets. */
export type Logger = (
  level: LogLevel,
  text: string,
  facts: Readonly<Record<string, string | number | boolean>>,
) => void;

export const silentLogger: Logger = () => undefined;
