// Whether a version is in a range as advisories write them: comparisons joined by blanks (and), by `||` (or).

const parts = (version) => {
  const [release = '', before = ''] = version
    .replace(/^[v=]+/, '')
    .replace(/\+.*$/, '')
    .split(/-(.*)/s);
  return { numbers: release.split('.').map(Number), before: before === '' ? [] : before.split('.') };
};

const isNumber = (text) => /^\d+$/.test(text);

/** Semantic Versioning 2.0.0 §11. */
function compare(one, other) {
  const [a, b] = [parts(one), parts(other)];
  for (let index = 0; index < 3; index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  // a version before the release is lower than the release
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (let index = 0; index < Math.max(a.before.length, b.before.length); index++) {
    const [x, y] = [a.before[index], b.before[index]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (x === y) continue;
    if (isNumber(x) && isNumber(y)) return Number(x) - Number(y);
    if (isNumber(x) !== isNumber(y)) return isNumber(x) ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

const COMPARISON = /^(<=|>=|<|>|=)?\s*v?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)$/;

function holds(version, comparison) {
  if (comparison === '*') return true;
  const found = COMPARISON.exec(comparison);
  // not understood: rather one warning too many
  if (!found) return true;
  const difference = compare(version, found[2]);
  switch (found[1]) {
    case '<':
      return difference < 0;
    case '<=':
      return difference <= 0;
    case '>':
      return difference > 0;
    case '>=':
      return difference >= 0;
    default:
      return difference === 0;
  }
}

/** @example isIn('1.4.2', '>=1.0.0 <1.5.0 || =2.0.0') */
export const isIn = (version, range) =>
  range.split('||').some((all) =>
    all
      .trim()
      .replace(/([<>=])\s+/g, '$1')
      .split(/\s+/)
      .every((comparison) => holds(version, comparison)),
  );
