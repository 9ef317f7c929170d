//! Runs one change over many devices, a few at a time, and keeps what was refused.
import { useRef, useState } from 'react';
import type { DeviceInput } from '../../shared/gql/graphql';
import { readFragment } from '../../shared/gql';
import { errorText } from '../../shared/lib/client';
import { useBulkClient } from '../../shared/lib/live';
import type { Toast } from '../../shared/lib/toasts';
import { toasts } from '../../shared/lib/toasts';
import { outcome, plan } from './bulk';
import type { BulkAction } from './bulk';
import type { Row } from './model';
import { DeviceRowFields, SetDevice } from './queries';

/** The API runs four questions of a user at once: one is left for the page. */
const AT_ONCE = 3;

export interface Failure {
  deviceId: string;
  why: string;
}

interface Progress {
  done: number;
  all: number;
}

interface Result {
  done: DeviceInput[];
  failures: Failure[];
}

export function useBulk(accept: (row: Row) => void) {
  const client = useBulkClient();
  const [progress, setProgress] = useState<Progress | null>(null);
  const [failures, setFailures] = useState<readonly Failure[]>([]);
  const stopped = useRef(false);

  const each = async (inputs: readonly DeviceInput[]): Promise<Result> => {
    const result: Result = { done: [], failures: [] };
    const queue = [...inputs];
    const work = async () => {
      for (let input = queue.shift(); input && !stopped.current; input = queue.shift()) {
        const { data, error } = await client.mutation(SetDevice, { input }).toPromise();
        if (data) {
          result.done.push(input);
          accept(readFragment(DeviceRowFields, data.setDevice));
        } else {
          result.failures.push({ deviceId: input.id, why: error ? errorText(error) : 'no answer' });
        }
        setProgress({ done: result.done.length + result.failures.length, all: inputs.length });
      }
    };
    stopped.current = false;
    setProgress({ done: 0, all: inputs.length });
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    setProgress(null);
    setFailures(result.failures);
    return result;
  };

  const run = async (action: BulkAction, rows: readonly Row[]): Promise<void> => {
    const steps = plan(action, rows);
    const { done, failures: refused } = await each(steps.map(({ input }) => input));
    const left = steps.length - done.length - refused.length;
    const ids = new Set(done.map(({ id }) => id));
    const formers = steps.map(({ former }) => former).filter(({ id }) => ids.has(id));
    const undo = async (): Promise<Omit<Toast, 'id'>> => {
      const back = await each(formers);
      const text = `${back.done.length} of ${formers.length} devices are as they were.`;
      return { text, tone: back.done.length === formers.length ? 'done' : 'failed' };
    };
    toasts.say({
      text: outcome(action, done.length, refused.length, left),
      tone: refused.length > 0 ? 'failed' : 'done',
      ...(formers.length > 0 ? { undo } : {}),
    });
  };

  return { progress, failures, run, stop: () => (stopped.current = true), forget: () => setFailures([]) };
}
