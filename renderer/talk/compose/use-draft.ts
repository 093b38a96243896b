import { useCallback, useEffect, useRef, useState } from 'react';
import { useActions, useFacts } from '../../store/app-context.tsx';

const REST = 400;
const TYPING_REST = 5000;
const TYPING_AGAIN = 10_000;

/** What is half written: kept by the core whenever typing rests, and told to the other side as *typing*. */
export function useDraft(talkId: string): { text: string; change: (text: string) => void; sent: () => void } {
  const actions = useActions();
  const kept = useFacts((facts) => facts.talks[talkId]?.draft ?? '');
  const sendTyping = useFacts((facts) => facts.settings.sendTyping);
  const [text, setText] = useState(kept);
  const latest = useRef(kept);
  const saved = useRef(kept);
  const rest = useRef<ReturnType<typeof setTimeout>>(undefined);
  const typing = useRef<{ since: number; timer: ReturnType<typeof setTimeout> } | null>(null);

  const save = useCallback(() => {
    clearTimeout(rest.current);
    if (latest.current === saved.current) return;
    saved.current = latest.current;
    actions.tell('talks.setDraft', { talkId, draft: latest.current });
  }, [actions, talkId]);

  const stopTyping = useCallback(() => {
    if (!typing.current) return;
    clearTimeout(typing.current.timer);
    typing.current = null;
    actions.tell('talks.typing', { talkId, composing: false });
  }, [actions, talkId]);

  const change = (next: string) => {
    setText(next);
    latest.current = next;
    clearTimeout(rest.current);
    rest.current = setTimeout(save, REST);
    if (!sendTyping) return;
    if (next.trim() === '') {
      stopTyping();
      return;
    }
    const now = Date.now();
    const { since } = typing.current ?? { since: 0 };
    clearTimeout(typing.current?.timer);
    const again = now - since > TYPING_AGAIN;
    if (again) actions.tell('talks.typing', { talkId, composing: true });
    typing.current = { since: again ? now : since, timer: setTimeout(stopTyping, TYPING_REST) };
  };

  const sent = () => {
    setText('');
    latest.current = '';
    save();
    // the message itself says that writing ended
    clearTimeout(typing.current?.timer);
    typing.current = null;
  };

  useEffect(
    () => () => {
      save();
      stopTyping();
    },
    [save, stopTyping],
  );
  return { text, change, sent };
}
