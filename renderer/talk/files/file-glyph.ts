import {
  File,
  FileArchive,
  FileAudio,
  FileCode,
  FileImage,
  FileSpreadsheet,
  FileText,
  FileVideo,
  type LucideIcon,
} from 'lucide-react';

const BY_KIND: readonly [RegExp, LucideIcon][] = [
  [/^image\//, FileImage],
  [/^video\//, FileVideo],
  [/^audio\//, FileAudio],
  [/zip|compressed|tar|rar|7z/, FileArchive],
  [/spreadsheet|excel|csv/, FileSpreadsheet],
  [/javascript|json|xml|x-python|x-java|x-c|x-sh/, FileCode],
  [/pdf|^text\/|word|document|presentation/, FileText],
];

/** A picture for a media type. */
export const fileGlyph = (type: string): LucideIcon => BY_KIND.find(([kind]) => kind.test(type))?.[1] ?? File;
