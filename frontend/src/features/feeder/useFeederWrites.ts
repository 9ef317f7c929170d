//! Changing a feeder and resuming its control, said in a toast, with a way back where there is one.
import { useMutation } from 'urql';
import type { FeederInput } from '../../shared/gql/graphql';
import { errorText } from '../../shared/lib/client';
import type { Toast } from '../../shared/lib/toasts';
import { toasts } from '../../shared/lib/toasts';
import { ResumeControl, SetFeeder } from './queries';

/** The second changes a feeder; false when it was refused. `former` takes the change back. */
export function useSetFeeder(onChanged: () => void) {
  const [state, run] = useMutation(SetFeeder);
  const set = async (input: FeederInput, former: FeederInput, effects: readonly string[]): Promise<boolean> => {
    const { error } = await run({ input });
    if (error) return false;
    onChanged();
    const undo = async (): Promise<Omit<Toast, 'id'>> => {
      const back = await run({ input: former });
      onChanged();
      if (back.error) return { text: `${input.id} was not changed back: ${errorText(back.error)}`, tone: 'failed' };
      return { text: `${input.id} is as it was.`, tone: 'done' };
    };
    toasts.say({ text: `${input.id} changed. ${effects.join(' ')}`, tone: 'done', undo });
    return true;
  };
  return [state, set] as const;
}

export function useResume(onChanged: () => void) {
  const [state, run] = useMutation(ResumeControl);
  const resume = async (feederId: string): Promise<boolean> => {
    const { error } = await run({ feederId });
    if (error) return false;
    onChanged();
    toasts.say({ text: `Control of ${feederId} is resumed: devices get setpoints with the next decision.`, tone: 'done' });
    return true;
  };
  return [state, resume] as const;
}
