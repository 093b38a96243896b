import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';

/** Fills `target` with unpredictable bytes. */
export type RandomSource = (target: Uint8Array) => void;

/** The generator of this machine. */
export const systemRandom: RandomSource = (target) => {
  randomFillSync(target);
};

/** From 0 to 1, 1 not included. */
export function randomFraction(random: RandomSource): number {
  const bytes = Buffer.alloc(4);
  random(bytes);
  return bytes.readUInt32LE() / 2 ** 32;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const POOL_SIZE = 4096;

/** Makes the identifiers of RFC 4975 from letters and digits: 5 random bits a character. */
export class Identifiers {
  readonly #random: RandomSource;
  /** Characters not used yet, all of them made at once. */
  readonly #pool = Buffer.allocUnsafeSlow(POOL_SIZE);
  #used = POOL_SIZE;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** RFC 4975 §7.1: at least 64 bits of randomness; 16 characters hold 80. */
  transaction(): string {
    return this.#make(16);
  }

  /** RFC 4975 §7.1.1: never repeated, by nobody; 24 characters hold 120 bits. */
  message(): string {
    return this.#make(24);
  }

  /** RFC 4975 §14.1 asks for at least 80 random bits; 24 characters hold 120. */
  session(): string {
    return this.#make(24);
  }

  #make(length: number): string {
    if (this.#used + length > POOL_SIZE) {
      this.#random(this.#pool);
      for (let i = 0; i < POOL_SIZE; i++) this.#pool[i] = ALPHABET.charCodeAt((this.#pool[i] ?? 0) & 31);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#pool.toString('latin1', start, this.#used);
  }
}
