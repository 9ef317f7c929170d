//! Changing and cancelling events, said in a toast, with a way back where there is one.
import { useMutation } from 'urql';
import type { EventPatch } from '../gql/graphql';
import { errorText } from '../lib/client';
import type { Toast } from '../lib/toasts';
import { toasts } from '../lib/toasts';
import { formerOf } from './eventModel';
import type { DrEvent } from './eventModel';
import { CancelEvent, UpdateEvent } from './queries';

/** The second cancels and answers with what is to be said. */
export function useCancelEvent() {
  const [state, run] = useMutation(CancelEvent);
  const cancel = async ({ id, feederId }: Pick<DrEvent, 'id' | 'feederId'>): Promise<Omit<Toast, 'id'>> => {
    const { error } = await run({ id });
    if (error) return { text: `The event on ${feederId} was not cancelled: ${errorText(error)}`, tone: 'failed' };
    return { text: `Event on ${feederId} cancelled.`, tone: 'done' };
  };
  return [state, cancel] as const;
}

/** The second changes an event and says so; false when it was refused. */
export function useUpdateEvent() {
  const [state, run] = useMutation(UpdateEvent);
  const update = async (event: DrEvent, patch: EventPatch, sentence: string): Promise<boolean> => {
    const { error } = await run({ id: event.id, input: patch });
    if (error) return false;
    const undo = async (): Promise<Omit<Toast, 'id'>> => {
      const back = await run({ id: event.id, input: formerOf(event, patch) });
      if (back.error) return { text: `The event was not changed back: ${errorText(back.error)}`, tone: 'failed' };
      return { text: `The event on ${event.feederId} is as it was.`, tone: 'done' };
    };
    toasts.say({ text: sentence, tone: 'done', undo });
    return true;
  };
  return [state, update] as const;
}
