import { Buffer } from 'node:buffer';
import type { Connection, RequestReceiver } from '../connection/connection.ts';
import { guarded } from '../event.ts';
import type { RequestHead } from '../framing/head.ts';
import type { RequestAnswer, RequestHook } from './options.ts';

/** Gathers a request that is neither SEND nor REPORT, and answers as the application says: 501 if it does not. */
export function answeredBy(hook: RequestHook | undefined, head: RequestHead, connection: Connection): RequestReceiver {
  if (hook === undefined) return connection.refuse(head, 501);
  const parts: Buffer[] = [];
  const respond = (answer: RequestAnswer | undefined) => {
    if (answer === undefined) connection.respond(head, 501);
    else connection.respond(head, answer.status, answer);
  };
  /** A fault of the application is not the peer's, nor that of others on the connection. */
  const failed = (error: unknown) => {
    connection.respond(head, 501);
    guarded(() => {
      throw error;
    });
  };
  return {
    body: (bytes) => parts.push(Buffer.from(bytes)),
    end: (flag) => {
      // RFC 4975 §7.1: given up
      if (flag === '#') return;
      try {
        const answer = hook(head, Buffer.concat(parts));
        if (answer instanceof Promise) answer.then(respond).catch(failed);
        else respond(answer);
      } catch (error) {
        failed(error);
      }
    },
  };
}
