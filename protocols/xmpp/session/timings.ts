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
  /** Wait before a server is asked again whose answer took us no further; doubled each time. */
  askAgain: number;
  backOffBase: number;
  backOffMaximum: number;
  /** A connection that the server itself ends sooner than this does not start the back-off anew. */
  stable: number;
  /** Longest wait for the archive before texts of an earlier session are sent again. */
  reconcile: number;
  /** Wait before an upload is tried again that the service did not take; doubled each time. */
  uploadAgain: number;
}

export const TIMINGS: Timings = {
  step: 15_000,
  keepAlive: 60_000,
  ackDeadline: 30_000,
  askAgain: 1_000,
  wakeDeadline: 5_000,
  backOffBase: 1_000,
  backOffMaximum: 60_000,
  stable: 10_000,
  reconcile: 20_000,
  uploadAgain: 2_000,
};
