//! Devices of the mock that wait for an operator, and letting them in.
import { connection, iso, need, OPERATORS, refuse, refuseField } from './answers';
import type { Context, Page } from './answers';
import type { Fleet } from './fleet';
import { makeDevice } from './making';
import type { Audit } from './past';
import type { DeviceType } from './things';
import { deviceView } from './views';

interface ApproveArgs {
  id: string;
  feederId?: string | null;
  type?: DeviceType | null;
}

export function waiting(fleet: Fleet, audit: Audit, now: number) {
  const list = [
    { id: 'wallbox-7f3a', type: 'EV' as DeviceType, origin: 'PHYSICAL', feederId: 'feeder-b', siteId: 'north', reason: 'UNKNOWN_DEVICE', since: iso(now - 540_000), notices: [] },
    { id: 'roof-12', type: 'PV' as DeviceType, origin: 'PHYSICAL', feederId: 'feeder-z', siteId: null, reason: 'UNKNOWN_FEEDER', since: iso(now - 7_400_000),
      notices: [{ deviceId: 'roof-12', kind: 'OTHER_TIME_UNIT', detail: 'timestamp 1763912100: taken for seconds' }] },
  ];
  return {
    waitingDevices: (args: Page) => connection(list, args, (each) => each),
    approveDevice: ({ id, feederId, type }: ApproveArgs, context: Context) => {
      const user = need(context, OPERATORS);
      if (fleet.devices.some((each) => each.id === id)) refuseField('id', `${id} is known already`);
      const index = list.findIndex((each) => each.id === id);
      const heard = list[index];
      const kind = type ?? heard?.type;
      const home = feederId ?? heard?.feederId;
      if (!kind || !home) return refuse('type and feederId are needed for a device that was never heard', 'BAD_USER_INPUT');
      if (!fleet.feeder(home)) refuseField('feederId', `the mock opens no feeder; there is no ${home}`);
      if (heard) list.splice(index, 1);
      const made = { ...makeDevice(fleet.devices.length, Date.now(), Math.random, fleet.feeders), id, type: kind, feederId: home };
      fleet.devices.push(made);
      audit.note(user.name, 'DeviceApproved', id, null, { device_id: id, feeder_id: home });
      return deviceView(fleet, made);
    },
  };
}
