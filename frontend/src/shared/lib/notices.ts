//! What was noticed about a device, in words and with what to do. Knows no component.
import type { NoticeKind } from '../gql/graphql';

interface NoticeWords {
  title: string;
  todo: string;
}

export const NOTICES: Record<NoticeKind, NoticeWords> = {
  SPEAKS_PERCENT: {
    title: 'Sends its charge in percent',
    todo: 'It is never read as a fraction. Let the device send 0 to 1.',
  },
  OTHER_TYPE: {
    title: 'Calls itself another type',
    todo: 'Those messages are refused. Correct the device, or retire it and let it in again.',
  },
  OTHER_FEEDER: {
    title: 'Claims another feeder',
    todo: 'It stays on the feeder it is registered on. Move it in its settings if it was moved.',
  },
  OTHER_TIME_UNIT: {
    title: 'Sends its times in another unit',
    todo: 'Those messages are refused. Let the device send milliseconds.',
  },
  TWO_PUBLISHERS: {
    title: 'Two publishers speak under its id',
    todo: 'Give each device an id of its own: until then it counts at its worst.',
  },
};
