/**
 * What is never seen, and hides one name behind another or turns its reading direction (Unicode, Default_Ignorable_Code_Point;
 * interlinear annotation). The joiners U+200C and U+200D stay, which Persian and emoji need, and so do the two selectors of emoji.
 */
export const INVISIBLE = /(?!\u200c|\u200d|\ufe0e|\ufe0f)\p{DI}|[\ufff9-\ufffb]/gu;

/**
 * More marks on one letter than any language puts there (stacked Tibetan has four), which reach into other lines. To be replaced by
 * `$1`, the first of them.
 */
export const PILE_OF_MARKS = /(\p{M}{4})\p{M}+/gu;
