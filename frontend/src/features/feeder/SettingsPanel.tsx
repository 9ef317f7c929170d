//! What operators have set for this feeder, and for those who may the way to change it.
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { FeederFacts } from '../../shared/feeders/model';
import { useCan } from '../../shared/lib/can';
import { kw, words } from '../../shared/lib/format';
import { feederHref } from '../../shared/lib/hrefs';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { SettingsForm } from './SettingsForm';
import type { OnChanged } from './useFeederWrites';
import styles from './SettingsPanel.module.css';

interface Props {
  feeder: FeederFacts;
  feeders: readonly FeederFacts[];
  onChanged: OnChanged;
}

export function SettingsPanel({ feeder, feeders, onChanged }: Props) {
  const [editing, setEditing] = useState(false);
  const mayEdit = useCan('setFeeder');
  const aside =
    mayEdit && !editing ? (
      <button type="button" className="button" data-size="s" onClick={() => setEditing(true)}>
        <Icon name="edit" /> Change
      </button>
    ) : null;
  return (
    <Panel title="Settings" aside={aside}>
      {editing && mayEdit ? (
        <SettingsForm feeder={feeder} feeders={feeders} onClose={() => setEditing(false)} onChanged={onChanged} />
      ) : (
        <dl className={styles.facts}>
          <Fact term="Import limit">
            {kw(feeder.importLimitKw)} {feeder.importLimitIsDefault ? <span className="muted">(default)</span> : null}
          </Fact>
          <Fact term="Export limit">{feeder.exportLimitKw === null ? 'none' : kw(feeder.exportLimitKw)}</Fact>
          <Fact term="Mode">{words(feeder.mode)}</Fact>
          <Fact term="Policy">
            {feeder.policy} {feeder.policyIsDefault ? <span className="muted">(default)</span> : null}
          </Fact>
          <Fact term="Below">
            {feeder.parentId === null ? 'nothing: it stands at the top' : <Link href={feederHref(feeder.parentId)}>{feeder.parentId}</Link>}
          </Fact>
        </dl>
      )}
    </Panel>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
