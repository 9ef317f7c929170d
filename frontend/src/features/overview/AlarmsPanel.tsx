//! The alarms that stand now, on all feeders. Without any there is nothing to say.
import { AlarmList } from '../../shared/feeders/AlarmList';
import { useAlarms } from '../../shared/feeders/useAlarms';
import { count } from '../../shared/lib/format';
import { Panel } from '../../shared/ui/Panel';
import { Failed } from '../../shared/ui/States';

export function AlarmsPanel() {
  const { data, error, refresh } = useAlarms();
  if (error && !data) return <Failed what="the alarms" error={error} again={refresh} />;
  if (!data || data.alarms.length === 0) return null;
  return (
    <Panel title="Alarms" aside={<span className="muted">{count(data.alarms.length)} standing</span>}>
      <AlarmList alarms={data.alarms} />
    </Panel>
  );
}
