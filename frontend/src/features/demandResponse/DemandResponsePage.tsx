//! Demand response: what holds the feeders down now, what will, what did; and for operators the means to change it.
import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import { EventForm } from '../../shared/events/EventForm';
import { programPhase } from '../../shared/events/programPhase';
import { useCan } from '../../shared/lib/can';
import { useNow, useTitle } from '../../shared/lib/hooks';
import { Icon } from '../../shared/ui/Icon';
import { PageHead } from '../../shared/ui/PageHead';
import { Panel } from '../../shared/ui/Panel';
import { sayDone } from '../../shared/lib/toasts';
import type { Done } from '../../shared/lib/toasts';
import { Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { EventList } from './EventList';
import { isOpen } from './model';
import { ProgramForm } from './ProgramForm';
import { ProgramList } from './ProgramList';
import { Timeline } from './Timeline';
import { useDemandResponse } from './useDemandResponse';
import { paramsFrom, viewFrom } from './view';
import type { View } from './view';

export function DemandResponsePage() {
  useTitle('Demand response');
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewFrom(params), [params]);
  const set = (part: Partial<View>) => setParams(paramsFrom({ ...view, ...part }), { replace: true });
  const { events, programs, feeders, known, error, loading, refresh } = useDemandResponse();
  const mayEvent = useCan('createEvent');
  const mayProgram = useCan('editProgram');
  const now = useNow();

  const shownPrograms = view.past ? programs : programs.filter((program) => isOpen(programPhase(program, now)));
  const close = () => set({ form: null, feeder: null });
  const done = (what: Done) => {
    close();
    sayDone(what);
    refresh();
  };

  return (
    <>
      <PageHead title="Demand response">
        {mayProgram && view.form !== 'program' ? (
          <button type="button" className="button" onClick={() => set({ form: 'program' })}>
            <Icon name="plus" /> New program
          </button>
        ) : null}
        {mayEvent && view.form !== 'event' ? (
          <button type="button" className="button" data-kind="primary" onClick={() => set({ form: 'event' })}>
            <Icon name="plus" /> New event
          </button>
        ) : null}
      </PageHead>
      {error && known ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {error && !known ? <Failed what="events and programs" error={error} again={refresh} /> : null}
      {loading ? <Loading what="events and programs" height={320} /> : null}

      {mayEvent && feeders.length > 0 && view.form === 'event' ? (
        <Panel title="New event">
          <EventForm
            feeders={feeders}
            feederId={view.feeder ?? undefined}
            onClose={close}
            onDone={() => {
              close();
              refresh();
            }}
          />
        </Panel>
      ) : null}
      {mayProgram && feeders.length > 0 && view.form === 'program' ? (
        <Panel title="New program">
          <ProgramForm feeders={feeders} program={undefined} feederId={view.feeder} onClose={close} onDone={done} />
        </Panel>
      ) : null}

      {known ? (
        <>
          <Timeline
            events={events}
            programs={programs}
            span={view.span}
            picked={view.picked}
            onSpan={(span) => set({ span })}
            onPick={(picked, isPast) => set({ picked, past: view.past || isPast })}
          />
          <ProgramList
            programs={shownPrograms}
            feeders={feeders}
            now={now}
            picked={view.picked}
            past={view.past}
            onPast={(past) => set({ past })}
            onDone={done}
          />
          <EventList events={events} feeders={feeders} now={now} picked={view.picked} past={view.past} onChanged={refresh} />
        </>
      ) : null}
    </>
  );
}
