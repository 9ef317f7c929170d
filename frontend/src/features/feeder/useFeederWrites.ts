//! Changing a feeder and resuming its control, said in a toast, with a way back where there is one.
import { useMutation } from 'urql';
import type { FeederFacts } from '../../shared/feeders/model';
import { FeederFactsFields } from '../../shared/feeders/queries';
import { readFragment } from '../../shared/gql';
import type { FeederInput } from '../../shared/gql/graphql';
import { errorText } from '../../shared/lib/client';
import type { Toast } from '../../shared/lib/toasts';
import { toasts } from '../../shared/lib/toasts';
import { ResumeControl, SetFeeder } from './queries';

/** Hears how a feeder stands after a change. */
export type OnChanged = (feeder: FeederFacts) => void;

/** The second changes a feeder; false when it was refused. `former` takes the change back. */
export function useSetFeeder(onChanged: OnChanged) {
  const [state, run] = useMutation(SetFeeder);
  const set = async (input: FeederInput, former: FeederInput, effects: readonly string[]): Promise<boolean> => {
    const { data } = await run({ input });
    if (!data) return false;
    onChanged(readFragment(FeederFactsFields, data.setFeeder));
    const undo = async (): Promise<Omit<Toast, 'id'>> => {
      const back = await run({ input: former });
      if (back.error) return { text: `${input.id} was not changed back: ${errorText(back.error)}`, tone: 'failed' };
      if (back.data) onChanged(readFragment(FeederFactsFields, back.data.setFeeder));
      return { text: `${input.id} is as it was.`, tone: 'done' };
    };
    toasts.say({ text: `${input.id} changed. ${effects.join(' ')}`, tone: 'done', undo });
    return true;
  };
  return [state, set] as const;
}

export function useResume(onChanged: OnChanged) {
  const [state, run] = useMutation(ResumeControl);
  const resume = async (feederId: string): Promise<boolean> => {
    const { data } = await run({ feederId });
    if (!data) return false;
    onChanged(readFragment(FeederFactsFields, data.resumeControl));
    toasts.say({ text: `Control of ${feederId} is resumed: devices get setpoints with the next decision.`, tone: 'done' });
    return true;
  };
  return [state, resume] as const;
}
