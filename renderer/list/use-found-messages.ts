import { useEffect, useState } from 'react';
import type { Message } from '../../electron/contract/index.ts';
import { useActions } from '../store/app-context.tsx';

const none: readonly Message[] = [];

/** Messages with the typed words, newest first, in one talk or in all. Waits until typing rests for a moment. */
export function useFoundMessages(query: string, limit: number, talkId?: string): readonly Message[] {
  const actions = useActions();
  const [found, setFound] = useState<readonly Message[]>(none);
  const wanted = query.trim();
  useEffect(() => {
    if (wanted.length < 2) {
      setFound(none);
      return;
    }
    let stale = false;
    const timer = setTimeout(async () => {
      const messages = await actions.ask('messages.search', { query: wanted, limit, ...(talkId ? { talkId } : {}) });
      if (!stale) setFound(messages ?? none);
    }, 120);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [actions, wanted, limit, talkId]);
  return found;
}
