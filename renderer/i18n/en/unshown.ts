/** Why a message that came is not shown, and what to do about it. */
export const enUnshown = {
  omemo: 'A message encrypted with OMEMO. AIMS cannot read it yet: ask for it without encryption.',
  openpgp: 'A message encrypted with OpenPGP. AIMS cannot read it yet: ask for it without encryption.',
  encrypted: 'An encrypted message. AIMS cannot read it: ask for it without encryption.',
  invitation: 'An invitation to a group. AIMS does not join groups yet: ask to be written to directly.',
  call: 'A call. AIMS does not take calls yet: write back instead.',
  attention: 'A request for your attention, without any text: write back to answer it.',
  reaction: 'A reaction to a message. AIMS does not show reactions yet: ask what it said.',
  retraction: 'A message before this one was taken back. AIMS cannot take it away yet: read it as withdrawn.',
  file: 'A file that AIMS cannot fetch from where it is: ask for it to be sent again.',
  cut: 'The message above was too long: its end is not shown. Ask for the rest as a file.',
  other: 'A message of a kind that AIMS does not know: ask for it as plain text.',
};
