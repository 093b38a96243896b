/** Every wait of a connection, in milliseconds. One set for the product; tests bring shorter ones. */
export interface Timings {
  /** One step of the login: a connection, a handshake, an answer. */
  step: number;
  /** Silence after which we ask whether the server is still there. */
  keepAlive: number;
  /** Silence after such a question that ends the connection. */
  ackDeadline: number;
  /** The same after the machine woke or changed its network. */
  wakeDeadline: number;
  backOffBase: number;
  backOffMaximum: number;
  /** A connection that lived this long starts the back-off anew. */
  stable: number;
  /** Longest wait for the archive before texts of an earlier session are sent again. */
  reconcile: number;
}

export const TIMINGS: Timings = {
  step: 15_000,
  keepAlive: 60_000,
  ackDeadline: 30_000,
  wakeDeadline: 5_000,
  backOffBase: 1_000,
  backOffMaximum: 60_000,
  stable: 10_000,
  reconcile: 20_000,
};
