//! Taking a device out for good. For operators only: others do not see it.
import { useMutation } from 'urql';
import { useLocation } from 'wouter';
import { useCan } from '../../shared/lib/can';
import { wrongIn } from '../../shared/lib/refusal';
import { sayDone } from '../../shared/lib/toasts';
import { Confirm } from '../../shared/ui/Confirm';
import { Panel } from '../../shared/ui/Panel';
import { RetireDevice } from './queries';

export function RetirePanel({ id }: { id: string }) {
  const may = useCan('setDevice');
  const [, go] = useLocation();
  const [, retire] = useMutation(RetireDevice);
  if (!may) return null;
  return (
    <Panel title="Retire">
      <p className="hint">For a device that is gone for good. What the feeder held for it is free.</p>
      <div>
        <Confirm
          label="Retire this device"
          kind="danger"
          sentence={`${id} is taken out. If it speaks again, it is unknown and has to be let in anew.`}
          yes="Retire it"
          no="Keep it"
          danger
          onYes={async () => {
            const wrong = wrongIn(await retire({ id }));
            if (wrong !== null) return wrong;
            go('/devices');
            sayDone({ text: `${id} is retired.` });
            return null;
          }}
        />
      </div>
    </Panel>
  );
}
