/** Remembers the last so many strings; the oldest goes first. */
export class Recent {
  readonly #limit: number;
  readonly #known = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  has(value: string): boolean {
    return this.#known.has(value);
  }

  add(value: string): void {
    this.#known.delete(value);
    this.#known.add(value);
    if (this.#known.size > this.#limit) this.#known.delete(this.#known.values().next().value ?? '');
  }

  delete(value: string): boolean {
    return this.#known.delete(value);
  }

  get values(): string[] {
    return [...this.#known];
  }
}
