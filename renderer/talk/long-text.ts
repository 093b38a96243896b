/**
 * From this many characters on, lines break anywhere at once. Chromium tries a whole word first, and again for each line
 * of it: one word of half a million letters would stop the window for minutes.
 */
export const LONG_TEXT = 10_000;
