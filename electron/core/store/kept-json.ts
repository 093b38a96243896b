/**
 * JSON out of the database. A row that a damaged disk has spoilt reads as `otherwise` and costs no more than itself.
 *
 * @example keptJson<string[]>(row.groups, [])
 */
export function keptJson<Value>(text: string, otherwise: Value): Value {
  try {
    return (JSON.parse(text) as Value | null) ?? otherwise;
  } catch {
    return otherwise;
  }
}
